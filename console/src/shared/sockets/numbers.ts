/**
 * The server counts replies and turns anew in each session; the page goes on counting, so that what still sounds of an
 * old session is never taken for a reply of the new one. In the page's first session both are the same.
 */
export class Numbers {
  readonly replies = new Numbering();
  readonly turns = new Numbering();

  /** A new session begins. */
  restart(): void {
    this.replies.restart();
    this.turns.restart();
  }

  /** The message as the page counts. */
  onPage<T extends object>(message: T): T {
    const renumbered: { reply?: unknown; turn?: unknown } = { ...message };
    if (typeof renumbered.reply === "number") renumbered.reply = this.replies.onPage(renumbered.reply);
    if (typeof renumbered.turn === "number") renumbered.turn = this.turns.onPage(renumbered.turn);
    return renumbered as T;
  }
}

class Numbering {
  #base = 0;
  #highest = -1;

  onPage(number: number): number {
    const page = this.#base + number;
    this.#highest = Math.max(this.#highest, page);
    return page;
  }

  /** The number that the running session knows, or null when it belongs to an older one. */
  onServer(page: number): number | null {
    return page < this.#base ? null : page - this.#base;
  }

  restart(): void {
    this.#base = this.#highest + 1;
  }
}
