/** The newest pieces of a stream, at most `limit` ms of them: the oldest go first. */
export class Kept<T> {
  #pieces: { piece: T; ms: number }[] = [];
  #ms = 0;

  constructor(readonly limit: number) {}

  get ms(): number {
    return this.#ms;
  }

  /** The milliseconds that had to go. */
  push(piece: T, ms: number): number {
    this.#pieces.push({ piece, ms });
    this.#ms += ms;
    let lost = 0;
    while (this.#ms > this.limit) {
      const oldest = this.#pieces.shift();
      if (oldest === undefined) break;
      this.#ms -= oldest.ms;
      lost += oldest.ms;
    }
    return lost;
  }

  /** The oldest piece. */
  get first(): T | undefined {
    return this.#pieces[0]?.piece;
  }

  shift(): { piece: T; ms: number } | undefined {
    const oldest = this.#pieces.shift();
    if (oldest) this.#ms -= oldest.ms;
    return oldest;
  }

  take(): T[] {
    const pieces = this.#pieces.map((each) => each.piece);
    this.clear();
    return pieces;
  }

  clear(): void {
    this.#pieces = [];
    this.#ms = 0;
  }
}
