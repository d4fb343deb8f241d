/** Dates and durations in the page's language. */
export function dateTime(text: string, language: string): string {
  return new Date(text).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

export function day(text: string, language: string): string {
  return new Date(text).toLocaleDateString(language, { dateStyle: "medium" });
}

export function clock(text: string, language: string): string {
  return new Date(text).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** «3 hours ago»; below a minute «now». */
export function ago(text: string, language: string, now: number): string {
  const seconds = (Date.parse(text) - now) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  for (const [unit, length] of STEPS) if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  return format.format(0, "second");
}
