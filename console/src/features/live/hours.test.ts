import { expect, it } from "vitest";

import { statistics } from "@/shared/testing/api";
import { everyHour } from "./hours";

it("gives every hour its place, and none of nothing a number", () => {
  const given = statistics(24);
  const hours = everyHour(given);
  expect(hours).toHaveLength(24);
  expect(hours.filter(({ found }) => found !== null)).toHaveLength(given.items.length);
  for (const { time, found } of hours) if (found !== null) expect(Date.parse(found.at)).toBe(time.getTime());
});
