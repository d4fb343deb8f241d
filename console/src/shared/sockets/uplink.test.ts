import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SILENCE } from "@/shared/audio/pcm";
import type { CapturedSound } from "@/shared/audio/port";
import { TURN_BY_TURN, Uplink } from "./uplink";

const kind = (waiting: CapturedSound | string): string => (typeof waiting === "string" ? waiting : "sound");
const frame = (n: number): CapturedSound => ({ pcm: new Int16Array(320).buffer, at: n * 0.02, level: SILENCE });

function microphone() {
  const sent: number[] = [];
  const line = { up: true };
  const uplink = new Uplink((waiting) => {
    if (line.up && typeof waiting !== "string") sent.push(Math.round(waiting.at / 0.02));
    return line.up;
  });
  let next = 0;
  return {
    uplink,
    sent,
    line,
    capture: (ms: number): void => {
      for (let i = 0; i < ms / 20; i++) uplink.push(frame(next++));
    },
  };
}

describe("the microphone on its way out", () => {
  it("goes out frame by frame while the line is up", () => {
    const { uplink, sent, capture } = microphone();
    uplink.open();
    capture(100);
    expect(sent).toEqual([0, 1, 2, 3, 4]);
    expect(uplink.keptMs).toBe(0);
  });

  it("keeps the newest 5 s before the session has begun", () => {
    const { uplink, sent, capture } = microphone();
    capture(7000);
    expect(uplink.keptMs).toBe(5000);
    uplink.open();
    capture(10_000);
    expect(sent[0]).toBe(100);
    expect(sent).toEqual(Array.from({ length: sent.length }, (_, i) => 100 + i));
  });

  it("keeps 30 s after a drop, loses no frame of them, and sends them in order below 90 KiB/s", () => {
    const { uplink, sent, line, capture } = microphone();
    uplink.open();
    capture(1000);
    line.up = false;
    capture(20);
    capture(29_980);
    expect(uplink.keptMs).toBe(30_000);
    line.up = true;
    uplink.open();
    const before = sent.length;
    capture(1000);
    expect((sent.length - before) * 640).toBeLessThanOrEqual(90 * 1024 + 8 * 640);
    expect((sent.length - before) * 640).toBeGreaterThan(80 * 1024);
    capture(20_000);
    expect(uplink.keptMs).toBe(0);
    expect(sent).toEqual(Array.from({ length: 52_000 / 20 }, (_, i) => i));
  });

  it("drops the oldest when the line stays away", () => {
    const { uplink, capture } = microphone();
    uplink.close();
    capture(45_000);
    expect(uplink.keptMs).toBe(30_000);
  });
});

describe("what is said about the sound", () => {
  it("goes out after the sound before it, and before the sound after it, whenever the line is up", () => {
    const moves = fc.array(fc.constantFrom("sound", "commit", "up", "down"), { maxLength: 60 });
    fc.assert(
      fc.property(moves, fc.boolean(), (steps, slowly) => {
        const sent: string[] = [];
        const line = { up: false };
        const send = (waiting: CapturedSound | string): boolean => {
          if (line.up) sent.push(kind(waiting));
          return line.up;
        };
        const uplink = slowly ? new Uplink(send) : new Uplink(send, TURN_BY_TURN);
        const said: string[] = [];
        let n = 0;
        for (const step of steps) {
          if (step === "up" || step === "down") {
            line.up = step === "up";
            if (line.up) uplink.open();
            continue;
          }
          if (step === "sound") uplink.push(frame(n++));
          else if (said.filter((each) => each === "commit").length < 16) uplink.say("commit");
          else continue;
          said.push(step);
        }
        line.up = true;
        uplink.open();
        expect(sent).toEqual(said.slice(0, sent.length));
        if (!slowly) expect(sent).toEqual(said);
      }),
    );
  });

  it("stays when the oldest sound has to go, and is refused when a key is stuck", () => {
    const sent: string[] = [];
    const uplink = new Uplink((waiting) => sent.push(kind(waiting)) > 0, TURN_BY_TURN);
    for (let i = 0; i < 20; i++) uplink.say("commit");
    for (let i = 0; i < 2000; i++) uplink.push(frame(i));
    expect(uplink.keptMs).toBe(30_000);
    uplink.open();
    expect(sent.filter((each) => each === "commit")).toHaveLength(16);
    expect(sent.filter((each) => each === "sound")).toHaveLength(1500);
  });
});
