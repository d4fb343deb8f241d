import { decibels, type Level } from "@/shared/audio/pcm";

/** What is wrong with the microphone's sound, if anything. */
export type SignalTrouble = "none" | "quiet" | "clipping";

/**
 * Looks at three seconds at a time, so that its word does not flicker. Nothing at all means trouble only until there
 * was something once: systems that take noise away send true silence between words.
 */
export class SignalWatch {
  #frames = 0;
  #speech = 0;
  #loudest = -100;
  #clipped = 0;
  #alive = false;

  /** The verdict at the end of each window, undefined within one. `hearing`: the server hears speech in it. */
  push(level: Level, hearing: boolean): SignalTrouble | null | undefined {
    this.#frames += 1;
    if (level.peak >= SILENT) this.#alive = true;
    if (level.peak >= 0.99) this.#clipped += 1;
    if (hearing) {
      this.#speech += 1;
      this.#loudest = Math.max(this.#loudest, decibels(level.rms, -100));
    }
    if (this.#frames < WINDOW) return undefined;
    const verdict = this.#verdict();
    this.#clear();
    return verdict;
  }

  /** Another microphone. */
  reset(): void {
    this.#alive = false;
    this.#clear();
  }

  #clear(): void {
    this.#frames = 0;
    this.#speech = 0;
    this.#loudest = -100;
    this.#clipped = 0;
  }

  #verdict(): SignalTrouble | null {
    if (!this.#alive) return "none";
    if (this.#clipped >= CLIPPED_FRAMES) return "clipping";
    if (this.#speech >= SPEECH_FRAMES && this.#loudest < QUIET_DB) return "quiet";
    return null;
  }
}

/** A living microphone hisses at least this much. */
const SILENT = 0.000_1;
/** In frames of 20 ms. */
const WINDOW = 150;
const CLIPPED_FRAMES = 5;
const SPEECH_FRAMES = 25;
const QUIET_DB = -45;
