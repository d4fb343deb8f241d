import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CaptureClock } from "./clock";
import { HeardClock, PlayedReporter } from "./heard";

describe("what has left the loudspeaker", () => {
  it("lies between two marks, by the frame that the device plays", () => {
    const clock = new HeardClock(48_000);
    expect(clock.at(100)).toBeNull();
    clock.mark(1000, { reply: 1, samples: 0, running: true }, 24_000);
    clock.mark(1960, { reply: 1, samples: 480, running: true }, 24_000);
    expect(clock.at(999)).toBeNull();
    expect(clock.at(1480)).toEqual({ reply: 1, ms: 10 });
    expect(clock.at(2440)).toEqual({ reply: 1, ms: 30 });
  });

  it("stands still while held, and at most reaches where the hold began", () => {
    const clock = new HeardClock(16_000);
    clock.mark(0, { reply: 1, samples: 0, running: true }, 16_000);
    clock.mark(320, { reply: 1, samples: 100, running: false }, 16_000);
    expect(clock.at(300)).toEqual({ reply: 1, ms: 6.25 });
    expect(clock.at(5000)).toEqual({ reply: 1, ms: 6.25 });
  });
});

describe("played reports", () => {
  it("come at once, then every 200 ms, and exactly at a stop", () => {
    const sent: [number, number][] = [];
    const reporter = new PlayedReporter((reply, ms) => sent.push([reply, ms]));
    for (let now = 0; now <= 450; now += 20) reporter.heard(1, now, now);
    reporter.exact(1, 461.25, 461);
    expect(sent).toEqual([
      [1, 20],
      [1, 220],
      [1, 420],
      [1, 461.3],
    ]);
  });

  it("never fall, and end with a flush", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(5000), fc.boolean(), fc.integer({ min: 0, max: 20 }))), (steps) => {
        const best = new Map<number, number>();
        let closed = -1;
        const reporter = new PlayedReporter((reply, ms) => {
          expect(ms).toBeGreaterThanOrEqual(best.get(reply) ?? 0);
          expect(reply).toBeGreaterThan(closed);
          best.set(reply, ms);
        });
        steps.forEach(([reply, ms, exact, close], i) => {
          if (exact) reporter.exact(reply, ms, i * 70);
          else reporter.heard(reply, ms, i * 70);
          if (close === 0) {
            reporter.close(reply);
            closed = Math.max(closed, reply);
          }
        });
      }),
    );
  });
});

describe("audio time on the page's clock", () => {
  it("remembers when sound was captured, not when it was sent", () => {
    const clock = new CaptureClock();
    clock.sent(20, 10);
    clock.sent(20, 10.02);
    clock.sent(20, 15);
    expect(clock.capturedAt(30)).toBeCloseTo(10.03);
    expect(clock.capturedAt(45)).toBeCloseTo(15.005);
    expect(clock.capturedAt(-1)).toBeNull();
  });
});
