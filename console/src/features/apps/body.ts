import type { AppBody, AppView } from "@/shared/api/types";

export const FIELDS = ["name", "prompt", "language", "voice", "patience", "modes", "tools", "model"] as const;
export type Field = (typeof FIELDS)[number];

export const NEW_BODY: AppBody = {
  name: "",
  prompt: "",
  voice: null,
  language: null,
  patience: 1,
  tools: null,
  model: null,
  modes: ["turns", "hands_free", "camera"],
};

export function bodyOf({ name, prompt, voice, language, patience, tools, model, modes }: AppView): AppBody {
  return { name, prompt: prompt ?? "", voice, language, patience, tools, model, modes };
}

/** Fields in which two bodies differ. */
export function changed(one: AppBody, other: AppBody): Field[] {
  return FIELDS.filter((field) => JSON.stringify(one[field]) !== JSON.stringify(other[field]));
}

/** A line of a comparison: in both, only before, only after. */
export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
}

/** Lines of two texts by their longest common run of lines; beyond a bound all of one and all of the other. */
export function diff(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (a.length * b.length > MOST_PAIRS)
    return [...a.map((text): DiffLine => ({ kind: "gone", text })), ...b.map((text): DiffLine => ({ kind: "new", text }))];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [gone, fresh] = [a[i], b[j]];
    if (gone !== undefined && gone === fresh) {
      lines.push({ kind: "same", text: gone });
      i += 1;
      j += 1;
    } else if (gone !== undefined && (fresh === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: "gone", text: gone });
      i += 1;
    } else if (fresh !== undefined) {
      lines.push({ kind: "new", text: fresh });
      j += 1;
    }
  }
  return lines;
}

/** A table of so many numbers is made in a few milliseconds. */
const MOST_PAIRS = 1_000_000;

/** A name for an address from a name for people. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48)
    .replace(/-+$/, "");
}
