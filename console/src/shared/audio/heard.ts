import type { Position } from "./player";

/**
 * Which sample is leaving the loudspeaker. The worklet marks what it renders; the device plays it a latency later, so
 * the answer for a frame lies between two marks of the past.
 */
export class HeardClock {
  #marks: Mark[] = [];

  /** `rate`: frames a second of the context. */
  constructor(readonly rate: number) {}

  mark(frame: number, position: Position, rate: number): void {
    this.#marks.push({ frame, rate, ...position });
    // Marks come every 20 ms; two seconds outlast the slowest wireless headset.
    if (this.#marks.length > 100) this.#marks.shift();
  }

  /** What has left the loudspeaker when the device plays `frame`; null before anything was rendered. */
  at(frame: number): { reply: number; ms: number } | null {
    const index = this.#marks.findLastIndex((mark) => mark.frame <= frame);
    const mark = this.#marks[index];
    if (!mark) return null;
    const next = this.#marks[index + 1];
    let samples = mark.samples;
    if (mark.running) samples += ((frame - mark.frame) * mark.rate) / this.rate;
    if (next?.reply === mark.reply) samples = Math.min(samples, Math.max(mark.samples, next.samples));
    return { reply: mark.reply, ms: (samples / mark.rate) * 1000 };
  }
}

interface Mark extends Position {
  frame: number;
  rate: number;
}

/**
 * When to tell the server how much was heard: the first at once, then every 200 ms, and exactly where playing stops.
 * Never less than was said before; nothing more of a reply once it was closed.
 */
export class PlayedReporter {
  #reply = -1;
  #ms = 0;
  #sentMs = -1;
  #sentAt = 0;
  #closed = -1;

  constructor(readonly send: (reply: number, ms: number) => void) {}

  get reply(): number {
    return this.#reply;
  }

  get ms(): number {
    return this.#ms;
  }

  /** `now` in ms of any steadily growing clock. */
  heard(reply: number, ms: number, now: number): void {
    if (!this.#follow(reply, ms)) return;
    if (this.#ms > 0 && this.#ms > this.#sentMs && (this.#sentMs <= 0 || now - this.#sentAt >= EVERY_MS)) this.#report(now);
  }

  exact(reply: number, ms: number, now: number): void {
    if (this.#follow(reply, ms) && this.#ms > this.#sentMs) this.#report(now);
  }

  /** After a flush nothing of this or an older reply is reported any more. */
  close(reply: number): void {
    this.#closed = Math.max(this.#closed, reply);
  }

  /** After a resume the server may have missed the last reports: say it again. */
  repeat(now: number): void {
    if (this.#reply > this.#closed && this.#ms > 0) this.#report(now);
  }

  #follow(reply: number, ms: number): boolean {
    if (reply < this.#reply || reply <= this.#closed) return false;
    if (reply > this.#reply) {
      this.#reply = reply;
      this.#ms = 0;
      this.#sentMs = -1;
    }
    this.#ms = Math.max(this.#ms, ms);
    return true;
  }

  #report(now: number): void {
    this.#sentMs = this.#ms;
    this.#sentAt = now;
    this.send(this.#reply, Math.round(this.#ms * 10) / 10);
  }
}

const EVERY_MS = 200;
