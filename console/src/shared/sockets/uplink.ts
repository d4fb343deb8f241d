import { FRAME_MS } from "@/shared/audio/messages";
import type { CapturedSound } from "@/shared/audio/port";

/** What waits for the line: 20 ms of sound, or a message that belongs after the sound before it. */
type Waiting = CapturedSound | string;

export interface UplinkLimits {
  bytesPerS: number;
  burstBytes: number;
  /** ms of sound kept before the session has begun; after a drop it is always 30 s. */
  beforeStartMs: number;
}

/** The server allows 96 KiB/s hands-free. */
export const HANDS_FREE: UplinkLimits = { bytesPerS: 90 * 1024, burstBytes: 8 * 640, beforeStartMs: 5000 };
/** Turn by turn it allows 4 MiB/s, and 8 MiB at once: all that can be kept. */
export const TURN_BY_TURN: UplinkLimits = { bytesPerS: Infinity, burstBytes: Infinity, beforeStartMs: 30_000 };

/**
 * The microphone on its way out, and what is said about its sound. While the line is down the newest sound is kept;
 * once it is back, that is sent first, faster than real time but below what the server allows. The 20 ms frames
 * themselves are the clock: each brings its share of the allowance, so no timer is needed and a sleeping page sends
 * nothing. A message waits for the sound before it, so `commit` never closes an utterance that is still here.
 */
export class Uplink {
  #queue: Waiting[] = [];
  #ms = 0;
  #limitMs: number;
  #open = false;
  #allowance: number;

  /** `send` answers false when the line has just gone down. */
  constructor(
    readonly send: (waiting: Waiting) => boolean,
    readonly limits: UplinkLimits = HANDS_FREE,
  ) {
    this.#limitMs = limits.beforeStartMs;
    this.#allowance = limits.burstBytes === Infinity ? Infinity : 0;
  }

  get keptMs(): number {
    return this.#ms;
  }

  push(sound: CapturedSound): void {
    const { bytesPerS, burstBytes } = this.limits;
    this.#allowance = Math.min(burstBytes, this.#allowance + (bytesPerS * FRAME_MS) / 1000);
    // First make room: while the line is up nothing may fall out at the other end.
    this.#drain();
    this.#queue.push(sound);
    this.#ms += FRAME_MS;
    this.#trim();
    this.#drain();
  }

  /** Goes out when the sound before it has. More than a few waiting are a stuck key, and are not taken. */
  say(message: string): void {
    if (this.#queue.filter((waiting) => typeof waiting === "string").length >= MOST_MESSAGES) return;
    this.#queue.push(message);
    this.#drain();
  }

  /** Whether this message is still here. */
  holds(message: string): boolean {
    return this.#queue.includes(message);
  }

  open(): void {
    this.#open = true;
    this.#drain();
  }

  /** Keep what comes, up to 30 s; what was not sent yet stays first. */
  close(): void {
    this.#open = false;
    this.#limitMs = AFTER_DROP_MS;
  }

  /** What waits is not wanted any more. In the queue, for one, the microphone is only metered. */
  clear(): void {
    this.#queue = [];
    this.#ms = 0;
  }

  #drain(): void {
    for (let next = this.#queue[0]; this.#open && next !== undefined; next = this.#queue[0]) {
      const bytes = typeof next === "string" ? 0 : next.pcm.byteLength;
      if (this.#allowance < bytes) return;
      if (!this.send(next)) {
        this.close();
        return;
      }
      this.#queue.shift();
      this.#allowance -= bytes;
      if (typeof next !== "string") this.#ms -= FRAME_MS;
    }
  }

  /** The oldest sound goes; what was said about it stays, or nobody would answer. */
  #trim(): void {
    while (this.#ms > this.#limitMs) {
      this.#queue.splice(
        this.#queue.findIndex((waiting) => typeof waiting !== "string"),
        1,
      );
      this.#ms -= FRAME_MS;
    }
  }
}

const AFTER_DROP_MS = 30_000;
const MOST_MESSAGES = 16;
