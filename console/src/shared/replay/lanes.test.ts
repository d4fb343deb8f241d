import fc from "fast-check";
import { expect, it } from "vitest";

import { extentOf, placeOn, ticksOn } from "./lanes";

const stages = fc.array(
  fc.tuple(fc.integer({ min: -5000, max: 60_000 }), fc.nat(20_000)).map(([start, ms]) => ({ start, end: start + ms })),
  { minLength: 1, maxLength: 8 },
);

it("stands within a pixel of its times, whatever the width", () => {
  fc.assert(
    fc.property(stages, fc.integer({ min: 100, max: 4000 }), (all, width) => {
      const extent = extentOf(all, null);
      const perPx = (extent.to - extent.from) / width;
      for (const { start, end } of all)
        for (const ms of [start, end]) expect(Math.abs(placeOn(extent, ms) * width - (ms - extent.from) / perPx)).toBeLessThan(1);
    }),
  );
});

it("has round ticks within the axis, no more than there is room for, and zero is one of them", () => {
  fc.assert(
    fc.property(stages, fc.option(fc.nat(60_000), { nil: null }), (all, heard) => {
      const extent = extentOf(all, heard);
      const ticks = ticksOn(extent, 6);
      expect(ticks).toContain(0);
      expect(ticks.length).toBeLessThanOrEqual(7);
      for (const tick of ticks) expect(tick >= extent.from && tick <= extent.to).toBe(true);
    }),
  );
});

it("shows that the reply was heard, not how long", () => {
  expect(extentOf([{ start: 0, end: 400 }], 420).to).toBeLessThan(600);
});
