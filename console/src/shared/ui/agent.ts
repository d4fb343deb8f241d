const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/(Chrome|Chromium|CriOS)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux|X11/, "Linux"],
];

/** «Firefox, Linux» from what a browser calls itself; another program by its first word; null: it said nothing. */
export function device(agent: string): string | null {
  const found = [BROWSERS, SYSTEMS].map((names) => names.find(([shape]) => shape.test(agent))?.[1]).filter((name) => name !== undefined);
  if (found.length > 0) return found.join(", ");
  const [first = ""] = agent.split(/[\s/]/);
  return first === "" ? null : first;
}
