/**
 * How much sound to gather before a reply starts, from how late pieces come. Only lateness counts: a server that sends
 * its first pieces in a burst is early, which needs no buffer. All in milliseconds.
 */
export class JitterBuffer {
  #lateness = (FIRST_MS - BASE_MS) / FACTOR;
  #due: number | null = null;

  get target(): number {
    return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, BASE_MS + FACTOR * this.#lateness));
  }

  /** A piece of `length` came at `now`; `now` may be of any origin but must grow. */
  arrived(now: number, length: number): void {
    const late = this.#due === null ? 0 : Math.max(0, now - this.#due);
    if (this.#due !== null) this.#lateness += (Math.min(late, LONGEST_MS) - this.#lateness) / 16;
    this.#due = Math.max(now, this.#due ?? now) + length;
  }

  /** The loudspeaker ran dry for `length` in mid-reply: believe that at once. */
  gap(length: number): void {
    this.#lateness = Math.max(this.#lateness, Math.min(length, LONGEST_MS) / FACTOR + SHORTEST_MS / FACTOR);
  }

  /** A new reply has its own rhythm; what was learnt about the line stays. */
  restart(): void {
    this.#due = null;
  }
}

const FIRST_MS = 60;
const SHORTEST_MS = 40;
const LONGEST_MS = 200;
const BASE_MS = 20;
const FACTOR = 4;
