import type { Setting, SettingValue } from "@/shared/api/types";

/** Settings by their section, those only whose key or words hold all that is searched for. */
export function bySection(items: readonly Setting[], search: string): [string, Setting[]][] {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const sections = new Map<string, Setting[]>();
  for (const item of items) {
    const words = `${item.key} ${item.text}`.toLowerCase();
    if (!wanted.every((word) => words.includes(word))) continue;
    const section = item.key.split(".")[0] ?? "";
    sections.set(section, [...(sections.get(section) ?? []), item]);
  }
  return [...sections];
}

export function sameValue(one: SettingValue, other: SettingValue): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function shownValue(value: SettingValue, words: { yes: string; no: string; empty: string }): string {
  if (typeof value === "boolean") return value ? words.yes : words.no;
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return words.empty;
  return Array.isArray(value) ? value.join(", ") : String(value);
}
