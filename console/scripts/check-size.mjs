// The first load of Talk, worklets included, must stay within its budget (gzip).
import { readFileSync, existsSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 250;
const folder = new URL("../../src/vivavoce/channels/console/", import.meta.url).pathname;
if (!existsSync(`${folder}manifest.build.json`)) {
  console.error("The console is not built: npm run build");
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(`${folder}manifest.build.json`, "utf8"));
const byFile = new Map(Object.entries(manifest).map(([key, chunk]) => [chunk.file, { key, ...chunk }]));
const files = new Set(["index.html"]);
/** What is imported by what is loaded at once, and which texts the start waits for. */
const later = new Set();
const visit = (chunk) => {
  if (chunk === undefined || files.has(chunk.file)) return;
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const next of chunk.imports ?? []) visit(manifest[next]);
  for (const next of chunk.dynamicImports ?? []) later.add(next);
};
for (const [, file] of readFileSync(`${folder}index.html`, "utf8").matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) {
  visit(byFile.get(file));
  files.add(file);
}
// One language's texts come with it: the larger one's count.
const texts = (language) => [...later].filter((key) => key.endsWith(`texts.${language}.json`)).map((key) => manifest[key].file);
const weight = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(folder + name)).length, 0);
for (const name of [texts("en"), texts("zh")].sort((a, b) => weight(b) - weight(a))[0]) files.add(name);
for (const name of readdirSync(`${folder}assets`)) if (name.includes("worklet")) files.add(`assets/${name}`);

const sizes = [...files].map((file) => [file, gzipSync(readFileSync(folder + file)).length / 1000]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes) console.log(`${size.toFixed(1).padStart(7)} KB  ${file}`);
console.log(`${total.toFixed(1).padStart(7)} KB of ${BUDGET_KB} KB`);
if (total > BUDGET_KB) process.exit(1);
