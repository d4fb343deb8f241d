import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { columns, placeOf, silences, type Span } from "./timeline";

const spans: Span[] = [
  { id: "a", from: 20, to: 1000 },
  { id: "b", from: 5000, to: 7000 },
];

describe("a moment in several recordings", () => {
  it("is a place in one of them; a gap goes on with the next", () => {
    expect(placeOf(spans, 0)).toEqual({ index: 0, offset: 0 });
    expect(placeOf(spans, 520)).toEqual({ index: 0, offset: 500 });
    expect(placeOf(spans, 3000)).toEqual({ index: 1, offset: 0 });
    expect(placeOf(spans, 9000)).toEqual({ index: 1, offset: 2000 });
    expect(placeOf([], 5)).toBeNull();
  });

  it("is never outside the recording that it names", () => {
    fc.assert(
      fc.property(fc.nat(20_000), (ms) => {
        const place = placeOf(spans, ms);
        const span = spans[place?.index ?? 0];
        expect(place?.offset).toBeGreaterThanOrEqual(0);
        expect(place?.offset).toBeLessThanOrEqual((span?.to ?? 0) - (span?.from ?? 0));
      }),
    );
  });
});

/** Pairs of you and reply, 50 ms each. */
const wave = (...pairs: [number, number][]) => ({ from: 1000, step: 50, data: Uint8Array.from(pairs.flat()) });

it("draws nothing where nothing was recorded, and silence where it was silent", () => {
  const drawn = columns([wave([255, 0], [0, 51])], "you", [900, 1200], 6);
  expect(drawn).toEqual([null, null, 1, 0, null, null]);
  expect(columns([wave([255, 0], [0, 51])], "reply", [1000, 1100], 2)).toEqual([0, 0.2]);
});

it("passes over what is longer than a pause and leaves a breath at either end", () => {
  const quiet = (count: number): [number, number][] => Array.from({ length: count }, () => [0, 2]);
  expect(silences([wave([90, 0], ...quiet(30), [0, 90])])).toEqual([[1250, 2350]]);
  expect(silences([wave([90, 0], ...quiet(10), [0, 90])])).toEqual([]);
});
