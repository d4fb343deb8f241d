import { describe, expect, it } from "vitest";

import type { PlaybackCommand } from "./messages";
import { Playback } from "./playback";
import { Player } from "./player";

const RATE = 48_000;
const LATENCY_S = 0.1;

/** Playback and a real player joined by a device that plays 100 ms after it renders. */
function device() {
  const log: string[] = [];
  const player = new Player(RATE);
  const clock = { currentTime: 0, sampleRate: RATE, outputLatency: LATENCY_S };
  const playback = new Playback(
    clock,
    (command: PlaybackCommand) => {
      if (command.do === "configure") player.configure(command.rate);
      else if (command.do === "push") player.push(command.reply, command.offset, new Int16Array(command.pcm));
      else if (command.do === "duck") player.duck(command.reply, command.gain);
      else player[command.do](command.reply);
    },
    {
      played: (reply, ms) => log.push(`played ${reply} ${ms}`),
      heard: () => undefined,
      audible: (reply, at) => log.push(`audible ${reply} ${at.toFixed(3)}`),
      ended: (reply) => log.push(`ended ${reply}`),
      gap: (reply) => log.push(`gap ${reply}`),
    },
    () => clock.currentTime * 1000,
  );
  const run = (ms: number): void => {
    for (let i = 0; i < Math.round(ms / 20); i++) {
      const frame = Math.round(clock.currentTime * RATE);
      player.render(new Float32Array(960), frame);
      clock.currentTime = (frame + 960) / RATE;
      playback.report({ frame: frame + 960, position: player.position(), level: 0, events: player.events() });
    }
  };
  return { playback, log, run };
}

describe("what the server is told", () => {
  it("is what left the loudspeaker: first at once, each 200 ms, and the exact end a latency later", () => {
    const { playback, log, run } = device();
    playback.configure(16_000);
    playback.push(1, 0, new Int16Array(8000).fill(1000));
    run(60);
    expect(log).toEqual(["audible 1 0.100"]);
    run(100);
    expect(log.slice(1)).toEqual(["played 1 20"]);
    run(480);
    expect(log.slice(1)).toEqual(["played 1 20", "played 1 220", "played 1 420", "played 1 500", "ended 1"]);
  });

  it("is exact at duck and hold, and goes on from there after a release", () => {
    const { playback, log, run } = device();
    playback.configure(16_000);
    playback.push(1, 0, new Int16Array(16_000).fill(1000));
    run(300);
    playback.duck(1, 0.3);
    expect(log.at(-1)).toBe("played 1 200");
    playback.command("hold", 1);
    run(400);
    expect(log.at(-1)).toBe("played 1 300");
    playback.command("release", 1);
    run(1200);
    expect(log.slice(-2)).toEqual(["played 1 1000", "ended 1"]);
    expect(log.filter((line) => line.startsWith("gap"))).toEqual([]);
  });

  it("ends with a flush", () => {
    const { playback, log, run } = device();
    playback.configure(16_000);
    playback.push(1, 0, new Int16Array(16_000).fill(1000));
    run(300);
    playback.command("flush", 1);
    run(600);
    expect(log.slice(-2)).toEqual(["played 1 300", "ended 1"]);
  });
});
