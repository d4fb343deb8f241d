import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Player, type PlayerEvent } from "./player";

const RATE = 16_000;
const BLOCK = 128;

/** A player, the frames it has rendered, and what happened meanwhile. */
class Bench {
  readonly player = new Player(RATE);
  readonly out: number[] = [];
  readonly events: PlayerEvent[] = [];

  constructor(rate = RATE) {
    this.player.configure(rate);
  }

  run(ms: number): this {
    for (let left = Math.round((ms * RATE) / 1000 / BLOCK); left > 0; left--) {
      const block = new Float32Array(BLOCK);
      this.player.render(block, this.out.length);
      this.out.push(...block);
      this.events.push(...this.player.events());
    }
    return this;
  }

  get sounding(): number[] {
    return this.out.map((x) => Math.round(x * 32_768)).filter((x) => x !== 0);
  }

  stops(cause: string): number[] {
    return this.events.flatMap((event) => (event.kind === "stopped" && event.cause === cause ? [event.samples] : []));
  }
}

/** Sample `i` of a reply is `i + 1`, so what is heard tells where it came from. */
const piece = (from: number, length: number): Int16Array => Int16Array.from({ length }, (_, i) => from + i + 1);
const ms = (value: number): number => (value * RATE) / 1000;

describe("playing a reply", () => {
  it("starts when 60 ms are there and plays every sample once", () => {
    const bench = new Bench();
    bench.player.push(1, 0, piece(0, ms(40)));
    bench.run(16);
    expect(bench.sounding).toEqual([]);
    bench.player.push(1, ms(40), piece(ms(40), ms(60)));
    bench.run(160);
    expect(bench.sounding).toEqual([...piece(0, ms(100))]);
    expect(bench.stops("drained")).toEqual([ms(100)]);
  });

  it("plays a reply shorter than the buffer when it is known to be whole, or after 200 ms", () => {
    const whole = new Bench();
    whole.player.push(1, 0, piece(0, ms(20)));
    whole.player.finish(1);
    expect(whole.run(40).sounding).toHaveLength(ms(20));
    const waiting = new Bench();
    waiting.player.push(1, 0, piece(0, ms(20)));
    expect(waiting.run(184).sounding).toHaveLength(0);
    expect(waiting.run(80).sounding).toHaveLength(ms(20));
  });

  it("drops what it already has, by offset, when a resumed server says it again", () => {
    const bench = new Bench();
    bench.player.push(1, 0, piece(0, ms(100)));
    bench.run(40);
    bench.player.push(1, ms(50), piece(ms(50), ms(100)));
    bench.run(240);
    expect(bench.sounding).toEqual([...piece(0, ms(150))]);
  });

  it("begins a reply in its middle where the first piece says so", () => {
    const bench = new Bench();
    bench.player.push(3, ms(500), piece(ms(500), ms(100)));
    bench.run(160);
    expect(bench.sounding).toEqual([...piece(ms(500), ms(100))]);
    expect(bench.stops("drained")).toEqual([ms(600)]);
  });

  it("counts a gap only when the reply goes on after it", () => {
    const bench = new Bench();
    bench.player.push(1, 0, piece(0, ms(100)));
    bench.run(200);
    expect(bench.events.filter((event) => event.kind === "gap")).toEqual([]);
    bench.player.push(1, ms(100), piece(ms(100), ms(100)));
    bench.run(240);
    const gaps = bench.events.flatMap((event) => (event.kind === "gap" ? [event.ms] : []));
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toBeGreaterThan(90);
    expect(bench.player.target).toBeGreaterThan(60);
  });

  it("keeps sixty seconds and says what it had to refuse", () => {
    const bench = new Bench();
    for (let s = 0; s < 70; s++) bench.player.push(1, s * RATE, new Int16Array(RATE));
    bench.run(8);
    const lost = bench.events.reduce((sum, event) => sum + (event.kind === "overflow" ? event.samples : 0), 0);
    expect(lost).toBeGreaterThanOrEqual(10 * RATE);
  });
});

describe("duck, hold, release, flush", () => {
  it("ramps to the gain in 30 ms and back on release", () => {
    const bench = new Bench();
    bench.player.push(1, 0, new Int16Array(RATE).fill(16_384));
    bench.run(80);
    bench.player.duck(1, 0.25);
    bench.run(8);
    expect(bench.out.at(-1)).toBeLessThan(0.5);
    expect(bench.out.at(-1)).toBeGreaterThan(0.3);
    bench.run(32);
    expect(bench.out.at(-1)).toBeCloseTo(0.125);
    bench.player.duck(1, 1);
    bench.run(40);
    expect(bench.out.at(-1)).toBeCloseTo(0.5);
  });

  it("holds within 10 ms and reports the very sample where the fade began", () => {
    const bench = new Bench();
    bench.player.push(1, 0, piece(0, RATE));
    bench.run(200);
    const before = bench.out.length - bench.out.findIndex((x) => x !== 0);
    bench.player.hold(1);
    bench.run(200);
    expect(bench.stops("hold")).toEqual([before]);
    expect(bench.out.slice(-ms(184)).every((x) => x === 0)).toBe(true);
    expect(bench.player.position()).toEqual({ reply: 1, samples: before, running: false });
  });

  it("empties within 5 ms at a flush, and refuses that reply and older ones for ever", () => {
    const bench = new Bench();
    bench.player.push(2, 0, piece(0, RATE));
    bench.run(200);
    bench.player.flush(2);
    bench.run(8);
    const length = bench.sounding.length;
    bench.player.push(2, RATE, piece(0, RATE));
    bench.player.push(1, 0, piece(0, RATE));
    bench.run(400);
    expect(bench.sounding).toHaveLength(length);
    bench.player.push(3, 0, piece(0, ms(100)));
    expect(bench.run(200).sounding.length).toBe(length + ms(100));
  });

  it("loses no sample of what was not flushed, whatever is held and released when", () => {
    const moves = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("push" as const), ms: fc.integer({ min: 1, max: 120 }) }),
        fc.record({ do: fc.constantFrom("hold" as const, "release" as const), ms: fc.constant(0) }),
        fc.record({ do: fc.constant("run" as const), ms: fc.integer({ min: 8, max: 150 }) }),
      ),
      { minLength: 3, maxLength: 30 },
    );
    fc.assert(
      fc.property(moves, (steps) => {
        const bench = new Bench();
        let pushed = 0;
        for (const step of steps) {
          if (step.do === "push") {
            bench.player.push(1, pushed, new Int16Array(ms(step.ms)).fill(20_000));
            pushed += ms(step.ms);
          } else if (step.do === "hold") bench.player.hold(1);
          else if (step.do === "release") bench.player.release(1);
          else bench.run(step.ms);
        }
        bench.player.release(1);
        bench.run((pushed / RATE) * 1000 + 600);
        // The position passed every sample exactly once: it ends at the end, and each stop lies at or before it.
        const stops = bench.events.flatMap((event) => (event.kind === "stopped" ? [event.samples] : []));
        if (pushed > 0) expect(stops.at(-1)).toBe(pushed);
        expect(stops).toEqual([...stops].sort((a, b) => a - b));
      }),
      { numRuns: 150 },
    );
  });

  it("is never silenced by an older reply, whatever was held, released and finished of that when", () => {
    const moves = fc.array(
      fc.oneof(
        fc.constantFrom("hold" as const, "release" as const, "finish" as const),
        fc.record({ push: fc.integer({ min: 1, max: 120 }) }),
        fc.record({ run: fc.integer({ min: 8, max: 300 }) }),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(moves, fc.boolean(), (steps, last) => {
        const bench = new Bench();
        let pushed = 0;
        for (const step of steps) {
          if (step === "hold" || step === "release" || step === "finish") bench.player[step](1);
          else if ("run" in step) bench.run(step.run);
          else {
            bench.player.push(1, pushed, new Int16Array(ms(step.push)).fill(20_000));
            pushed += ms(step.push);
          }
        }
        // A server ends a reply with both, in either order, before it begins the next one.
        bench.player[last ? "finish" : "release"](1);
        bench.player[last ? "release" : "finish"](1);
        bench.player.push(2, 0, new Int16Array(ms(100)).fill(20_000));
        bench.player.finish(2);
        bench.run((pushed / RATE) * 1000 + 1000);
        const ends = bench.events.filter((event) => event.kind === "stopped" && event.cause === "drained");
        expect(ends.at(-1)).toMatchObject({ reply: 2, samples: ms(100) });
        if (pushed > 0) expect(ends.findLast(({ reply }) => reply === 1)).toMatchObject({ samples: pushed });
      }),
      { numRuns: 200 },
    );
  });

  it("says that a reply has run dry which was held at its very last sample", () => {
    const bench = new Bench();
    bench.player.push(1, 0, new Int16Array(18 * BLOCK).fill(20_000));
    for (let block = 0; block < 18; block++) bench.run((BLOCK / RATE) * 1000);
    bench.player.hold(1);
    bench.player.release(1);
    bench.player.finish(1);
    bench.run(50);
    expect(bench.stops("drained")).toEqual([18 * BLOCK]);
  });

  it("makes way when it was held after its last sample, finished, and never released", () => {
    const bench = new Bench();
    bench.player.push(1, 0, piece(0, ms(100)));
    bench.run(200);
    bench.player.hold(1);
    bench.player.finish(1);
    bench.player.push(2, 0, piece(0, ms(100)));
    bench.run(300);
    expect(bench.stops("drained")).toEqual([ms(100), ms(100)]);
  });

  it("plays at the context's rate what comes at another, in the right time", () => {
    const bench = new Bench(24_000);
    bench.player.push(1, 0, Int16Array.from({ length: 24_000 }, (_, i) => 16_000 * Math.sin((2 * Math.PI * 500 * i) / 24_000)));
    bench.player.finish(1);
    bench.run(1100);
    const first = bench.events.find((event) => event.kind === "started")?.frame ?? NaN;
    expect(bench.stops("drained")).toEqual([24_000]);
    for (let i = 300; i < 15_000; i++)
      expect(bench.out[first + i]).toBeCloseTo((16_000 / 32_768) * Math.sin((2 * Math.PI * 500 * i) / RATE), 2);
  });
});
