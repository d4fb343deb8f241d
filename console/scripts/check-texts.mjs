// Every text exists in both languages with the same placeholders, every text is used, and every error code has one.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const source = new URL("../src", import.meta.url).pathname;
const files = readdirSync(source, { recursive: true }).map((name) => join(source, name));
const code = files
  .filter((name) => /\.tsx?$/.test(name) && !name.includes(".test."))
  .map((name) => readFileSync(name, "utf8"))
  .join("\n");
const literal = new Set([...code.matchAll(/["'`]([a-zA-Z][\w-]*(?:[.:][\w-]+)+)["'`]/g)].map((found) => found[1].replace(/^\w+:/, "")));
const prefixes = [...code.matchAll(/`(?:\w+:)?([\w.-]+\.)\$\{/g)].map((found) => found[1]);
const problems = [];

// What the server may say by code: what ends a conversation, and what it survives.
const wire = readFileSync(join(source, "generated/wire.ts"), "utf8");
const codes = [...wire.slice(wire.indexOf("export const ERRORS"), wire.indexOf("} as const")).matchAll(/^ {2}(\w+): (null|\d+),$/gm)];
if (codes.length === 0) problems.push("generated/wire.ts: no error codes found");

const flat = (texts, path = "") =>
  Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[path + key, value]] : flat(value, `${path}${key}.`),
  );
const placeholders = (text) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1]).sort().join();
const plural = (key) => key.replace(/_(one|other)$/, "");

for (const english of files.filter((name) => name.endsWith("texts.en.json"))) {
  const where = dirname(english).slice(source.length + 1);
  const en = new Map(flat(JSON.parse(readFileSync(english, "utf8"))));
  const zh = new Map(flat(JSON.parse(readFileSync(english.replace(".en.", ".zh."), "utf8"))));
  if (where === "features/talk")
    for (const [, code, close] of codes) {
      const key = `${close === "null" ? "error" : "ended"}.${code}`;
      if (!en.has(key)) problems.push(`${where}: ${key} has no text`);
    }
  for (const key of zh.keys()) if (!en.has(key)) problems.push(`${where}: ${key} is only in Chinese`);
  for (const [key, text] of en) {
    if (!zh.has(key)) problems.push(`${where}: ${key} is missing in Chinese`);
    else if (placeholders(text) !== placeholders(zh.get(key))) problems.push(`${where}: ${key} has other placeholders in Chinese`);
    if (!literal.has(plural(key)) && !literal.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)))
      problems.push(`${where}: ${key} is not used`);
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
