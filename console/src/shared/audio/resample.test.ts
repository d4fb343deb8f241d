import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Resampler } from "./resample";

function tone(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));
}

function loudness(samples: Float32Array): number {
  const inner = samples.subarray(200, samples.length - 200);
  return 10 * Math.log10(inner.reduce((sum, x) => sum + x * x, 0) / inner.length / 0.5);
}

describe("resampling the microphone to 16 kHz", () => {
  it.each([48_000, 44_100, 96_000])("keeps speech and loses ≥ 60 dB of what would fold back, from %i Hz", (rate) => {
    for (const hertz of [100, 1000, 3400, 6500])
      expect(Math.abs(loudness(new Resampler(rate, 16_000).process(tone(hertz, rate, 0.25))))).toBeLessThan(0.1);
    for (const hertz of [8100, 9000, 11_000, 15_900, 21_000])
      expect(loudness(new Resampler(rate, 16_000).process(tone(hertz, rate, 0.25)))).toBeLessThan(-60);
  });

  it("is in time: an output sample is the input of its own moment", () => {
    const output = new Resampler(48_000, 16_000).process(tone(440, 48_000, 0.2));
    const expected = tone(440, 16_000, 0.2);
    for (let i = 200; i < output.length; i++) expect(output[i]).toBeCloseTo(expected[i] ?? NaN, 2);
  });

  it("gives the same however the sound is cut into blocks, and loses no time", () => {
    const input = tone(700, 44_100, 0.1);
    const whole = new Resampler(44_100, 16_000).process(input);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }), (cuts) => {
        const resampler = new Resampler(44_100, 16_000);
        const pieces: number[] = [];
        let at = 0;
        for (const cut of [...cuts, input.length]) {
          pieces.push(...resampler.process(input.subarray(at, Math.min(input.length, at + cut))));
          at = Math.min(input.length, at + cut);
        }
        expect(pieces.length).toBe(whole.length);
        pieces.forEach((value, i) => {
          expect(value).toBeCloseTo(whole[i] ?? NaN, 6);
        });
      }),
      { numRuns: 20 },
    );
    expect(whole.length).toBeGreaterThan(1600 - 110);
  });

  it("refuses a rate that is none", () => {
    expect(() => new Resampler(0, 16_000)).toThrow(RangeError);
  });
});
