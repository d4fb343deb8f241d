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
const files = new Set(["index.html"]);
const visit = (key) => {
  const chunk = manifest[key];
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const next of chunk.imports ?? []) visit(next);
};
visit("index.html");
// One language's texts come with it: the larger one's count.
const texts = (language) => Object.values(manifest).filter((chunk) => chunk.src?.endsWith(`texts.${language}.json`)).map((chunk) => chunk.file);
const weight = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(folder + name)).length, 0);
for (const name of [texts("en"), texts("zh")].sort((a, b) => weight(b) - weight(a))[0]) files.add(name);
for (const name of readdirSync(`${folder}assets`)) if (name.includes("worklet")) files.add(`assets/${name}`);

const sizes = [...files].map((file) => [file, gzipSync(readFileSync(folder + file)).length / 1000]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes) console.log(`${size.toFixed(1).padStart(7)} KB  ${file}`);
console.log(`${total.toFixed(1).padStart(7)} KB of ${BUDGET_KB} KB`);
if (total > BUDGET_KB) process.exit(1);
