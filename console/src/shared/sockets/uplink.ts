import { Kept } from "@/shared/audio/kept";
import { FRAME_MS } from "@/shared/audio/messages";
import type { CapturedSound } from "@/shared/audio/port";

/**
 * The microphone on its way out. While the line is down the newest sound is kept; once it is back, that is sent first,
 * faster than real time but below what the server allows. The 20 ms frames themselves are the clock: each brings its
 * share of the allowance, so no timer is needed and a sleeping page sends nothing.
 */
export class Uplink {
  #kept: Kept<CapturedSound>;
  #open = false;
  #allowance = 0;

  /** `send` answers false when the line has just gone down. */
  constructor(readonly send: (sound: CapturedSound) => boolean) {
    this.#kept = new Kept(BEFORE_START_MS);
  }

  get keptMs(): number {
    return this.#kept.ms;
  }

  push(sound: CapturedSound): void {
    this.#allowance = Math.min(BURST_BYTES, this.#allowance + (BYTES_PER_S * FRAME_MS) / 1000);
    // First make room: while the line is up nothing may fall out at the other end.
    this.#drain();
    this.#kept.push(sound, FRAME_MS);
    this.#drain();
  }

  #drain(): void {
    for (let next = this.#kept.first; this.#open && next !== undefined; next = this.#kept.first) {
      if (this.#allowance < next.pcm.byteLength) return;
      if (!this.send(next)) {
        this.close();
        return;
      }
      this.#kept.shift();
      this.#allowance -= next.pcm.byteLength;
    }
  }

  open(): void {
    this.#open = true;
  }

  /** Keep what comes, up to 30 s; what was not sent yet stays first. */
  close(): void {
    this.#open = false;
    const kept = new Kept<CapturedSound>(AFTER_DROP_MS);
    for (const sound of this.#kept.take()) kept.push(sound, FRAME_MS);
    this.#kept = kept;
  }

  /** In the queue the microphone is only metered. */
  clear(): void {
    this.#kept.clear();
  }
}

const BEFORE_START_MS = 5000;
const AFTER_DROP_MS = 30_000;
/** The server allows 96 KiB/s. */
const BYTES_PER_S = 90 * 1024;
const BURST_BYTES = 8 * 640;
