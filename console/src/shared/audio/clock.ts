/**
 * From the session's audio time to the clock of the page. Sound that was kept while the line was down is sent later
 * and faster, so each frame brings the moment at which it was captured.
 */
export class CaptureClock {
  #frames: { at: number; ms: number; captured: number }[] = [];
  #sent = 0;

  /** `ms` of sound captured at `captured` (seconds of the audio context) have just been sent. */
  sent(ms: number, captured: number): void {
    this.#frames.push({ at: this.#sent, ms, captured });
    this.#sent += ms;
    if (this.#frames.length > MOST_FRAMES) this.#frames.shift();
  }

  /** Seconds of the context at which the sound at `at` ms of the session was captured; null if that is too long ago. */
  capturedAt(at: number): number | null {
    const frame = this.#frames.findLast((each) => each.at <= at);
    if (!frame) return null;
    return frame.captured + Math.min(at - frame.at, frame.ms) / 1000;
  }

  reset(): void {
    this.#frames = [];
    this.#sent = 0;
  }
}

/** Two minutes: an utterance has at most one. */
const MOST_FRAMES = 6000;
