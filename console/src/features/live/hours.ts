import type { Statistics } from "@/shared/api/types";

const HOUR = 3_600_000;
type Activity = Statistics["items"][number];

/** One place for every hour of the range; where nothing was, null. */
export function everyHour({ since, until, items }: Statistics): { time: Date; found: Activity | null }[] {
  const known = new Map(items.map((item) => [Math.floor(Date.parse(item.at) / HOUR), item]));
  const [first, last] = [since, until].map((text) => Math.floor(Date.parse(text) / HOUR)) as [number, number];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({ time: new Date((first + i) * HOUR), found: known.get(first + i) ?? null }));
}
