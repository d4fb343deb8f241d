// Every gallery state in Chromium (CHROMIUM names another program): checked by axe, under the page's own content
// security policy, and for being wider than the screen. Ends with 1 when there is a finding.
//   npm run shoot -- [--out FOLDER] [--only state,state]    pictures too: light and dark, en and zh, 1280 and 360 px
//   npm run check:gallery                                   no pictures: all at 360 px; a few dark, Chinese and wide
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { out: { type: "string" }, only: { type: "string" }, check: { type: "boolean" } } });
const out = values.out ?? join(root, "dist/shots");
if (!values.check) mkdirSync(out, { recursive: true });

const built = spawnSync("npx", ["vite", "build", "--mode", "test", "--logLevel", "error"], { cwd: root, stdio: "inherit" });
if (built.status !== 0) process.exit(1);

const NONCE = "gallery";
const POLICY = `default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'nonce-${NONCE}'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const EXAMPLES = { en: ["what time is it", "set a timer for five minutes", "how much is twelve times twelve"], zh: ["现在几点了", "设一个五分钟的计时器", "十二乘十二等于多少"] };

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  // Nobody is signed in at this server; what a picture needs of the API it brings with it.
  if (path.startsWith("/api/")) {
    response.writeHead(401, { "Content-Type": "application/problem+json" });
    return response.end('{"status":401,"code":"refresh_invalid","title":"Unauthorized","detail":"","type":"about:blank","request_id":""}');
  }
  if (path === "/health") return response.end('{"status":"ok"}');
  if (path === "/status") return response.end(JSON.stringify({ heard: ["en"], spoken: ["en", "zh"], sends_to: [], examples: EXAMPLES }));
  try {
    const body = readFileSync(join(root, "dist/test", path));
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    return response.end(body);
  } catch {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader("Content-Security-Policy", POLICY);
    return response.end(readFileSync(join(root, "dist/test/index.html"), "utf8").replace("__CSP_NONCE__", NONCE));
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const findings = [];

const looks = values.check
  ? [["light", "en", 360], ["dark", "zh", 1280, ["ready", "cut", "denied", "waiting", "ended", "consent", "signin", "users", "users-menu", "audit", "app-versions", "settings-server", "settings-doctor", "live"]]]
  : ["light", "dark"].flatMap((theme) => ["en", "zh"].flatMap((language) => [1280, 360].map((width) => [theme, language, width])));

/** Two pages at a time take half as long; each state is looked at once. */
const [evens, odds] = [0, 1].map((rest) => (_, index) => index % 2 === rest);
for (const look of looks) await Promise.all([examined(look, evens), examined(look, odds)]);

async function examined([theme, language, width, few], mine) {
  const context = await browser.newContext({ viewport: { width, height: width < 768 ? 720 : 800 }, bypassCSP: false, reducedMotion: "no-preference" });
  const page = await context.newPage();
  let where = "";
  page.on("console", (message) => {
    // That nobody is signed in at first is how it should be; the browser writes it down all the same.
    if (message.location().url.includes("/api/")) return;
    if (message.type() === "error" || message.type() === "warning") findings.push(`${where}: ${message.text()}`);
  });
  page.on("pageerror", (error) => findings.push(`${where}: ${error.message}`));
  await page.goto(`${base}/gallery`);
  await page.waitForSelector("main li a");
  const pages = new Set(await page.locator("main li a[data-kind=page]").allTextContents());
  const states = values.only?.split(",") ?? few ?? (await page.locator("main li a").allTextContents());
  for (const state of states.filter(mine)) {
    where = `${state} ${theme} ${language} ${width}`;
    await page.goto(`${base}/gallery?state=${state}&theme=${theme}&language=${language}`);
    const kind = pages.has(state) ? "page" : "talk";
    await page.waitForSelector(kind === "talk" ? ".lamp" : "main.page > *, main.signin form, main.broken");
    await page.waitForTimeout(kind === "talk" ? 250 : 600);
    if (!values.check) await page.screenshot({ path: join(out, `${kind}-${state}-${theme}-${language}-${width}.png`) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    if (wide) findings.push(`${where}: wider than the screen`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
    for (const { id, impact, nodes } of violations) findings.push(`${where}: axe ${id} (${impact}) ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  }
  await context.close();
}
await browser.close();
server.close();
console.log([...new Set(findings)].join("\n") || "no finding");
process.exit(findings.length > 0 ? 1 : 0);
