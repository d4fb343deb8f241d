import { decibels, type Level } from "@/shared/audio/pcm";

/** What is wrong with the microphone's sound, if anything. */
export type SignalTrouble = "none" | "quiet" | "clipping";

/** Looks at three seconds at a time, so that its word does not flicker. */
export class SignalWatch {
  #frames = 0;
  #speech = 0;
  #loudest = -100;
  #clipped = 0;
  #peak = 0;

  /** The verdict at the end of each window, undefined within one. `hearing`: the server hears speech in it. */
  push(level: Level, hearing: boolean): SignalTrouble | null | undefined {
    this.#frames += 1;
    this.#peak = Math.max(this.#peak, level.peak);
    if (level.peak >= 0.99) this.#clipped += 1;
    if (hearing) {
      this.#speech += 1;
      this.#loudest = Math.max(this.#loudest, decibels(level.rms, -100));
    }
    if (this.#frames < WINDOW) return undefined;
    const verdict = this.#verdict();
    this.reset();
    return verdict;
  }

  reset(): void {
    this.#frames = 0;
    this.#speech = 0;
    this.#loudest = -100;
    this.#clipped = 0;
    this.#peak = 0;
  }

  #verdict(): SignalTrouble | null {
    // A living microphone always hisses a little: 16 bits of nothing at all come from a dead one.
    if (this.#peak < 0.000_1) return "none";
    if (this.#clipped >= CLIPPED_FRAMES) return "clipping";
    if (this.#speech >= SPEECH_FRAMES && this.#loudest < QUIET_DB) return "quiet";
    return null;
  }
}

/** In frames of 20 ms. */
const WINDOW = 150;
const CLIPPED_FRAMES = 5;
const SPEECH_FRAMES = 25;
const QUIET_DB = -45;
