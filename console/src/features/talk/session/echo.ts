/**
 * Whether it may be hearing itself: two interruptions within a minute that were taken back, or that repeat what the
 * reply was just saying.
 */
export class EchoWatch {
  #suspicions: number[] = [];

  /** A hold was released, or words that echo the reply came in; `now` in ms. True when it happens too often. */
  suspect(now: number): boolean {
    this.#suspicions = [...this.#suspicions.filter((at) => now - at < MINUTE_MS), now];
    return this.#suspicions.length >= 2;
  }
}

/** Whether most of what was heard are words that the reply has just said. */
export function repeats(heard: string, said: string): boolean {
  const words = tokens(heard);
  if (words.length < 2) return false;
  const known = new Set(tokens(said));
  return words.filter((word) => known.has(word)).length >= 0.6 * words.length;
}

function tokens(text: string): string[] {
  return text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}']+/gu) ?? [];
}

const MINUTE_MS = 60_000;
