import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SampleRing } from "./ring";

const ramp = (from: number, length: number): Int16Array => Int16Array.from({ length }, (_, i) => (from + i) % 30_000);

describe("the ring of one reply", () => {
  it("gives each sample at its offset, whatever overlaps and however it grows", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 200_000 })), { maxLength: 8 }), (pieces) => {
        const ring = new SampleRing(0, 400_000);
        let end = 0;
        for (const [back, length] of pieces) {
          const offset = Math.max(0, end - back);
          const taken = ring.write(offset, ramp(offset, length));
          expect(taken).toBe(Math.max(0, Math.min(400_000, offset + length) - end));
          end += taken;
        }
        expect(ring.end).toBe(end);
        for (let i = 0; i < end; i += 977) expect(ring.at(i)).toBe(i % 30_000);
      }),
      { numRuns: 30 },
    );
  });

  it("fills a hole with silence so that later words keep their time", () => {
    const ring = new SampleRing(100, 1000);
    ring.write(100, Int16Array.of(1, 2));
    ring.write(105, Int16Array.of(8));
    expect([100, 101, 102, 103, 104, 105, 106].map((i) => ring.at(i))).toEqual([1, 2, 0, 0, 0, 8, 0]);
  });

  it("refuses what does not fit, and takes it when older sound was forgotten", () => {
    const ring = new SampleRing(0, 10);
    expect(ring.write(0, ramp(0, 12))).toBe(10);
    ring.forget(4);
    expect(ring.write(10, ramp(10, 4))).toBe(4);
    expect([3, 4, 13].map((i) => ring.at(i))).toEqual([0, 4, 13]);
  });
});
