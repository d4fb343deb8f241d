/**
 * How far each reply has been heard: changes 50 times a second, so it lives outside React and is drawn from there.
 */
export class Progress {
  reply = -1;
  ms = 0;
  gaps = 0;
  readonly #lengths = new Map<number, number>();
  readonly #watchers = new Set<() => void>();
  readonly #heard = new Map<number, number>();

  /** ms of the reply that have left the loudspeaker. */
  heardMs(reply: number): number {
    return this.#heard.get(reply) ?? 0;
  }

  /** ms of the reply that have come. */
  lengthMs(reply: number): number {
    return this.#lengths.get(reply) ?? 0;
  }

  came(reply: number, untilMs: number): void {
    this.#lengths.set(reply, Math.max(this.lengthMs(reply), untilMs));
    this.#forget(this.#lengths);
  }

  heard(reply: number, ms: number): void {
    if (reply < this.reply) return;
    if (reply > this.reply) this.gaps = 0;
    this.reply = reply;
    this.ms = Math.max(ms, this.heardMs(reply));
    this.#heard.set(reply, this.ms);
    this.#forget(this.#heard);
    this.#tell();
  }

  gap(reply: number): void {
    if (reply !== this.reply) return;
    this.gaps += 1;
    this.#tell();
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Only replies that the transcript still shows are asked for. */
  #forget(map: Map<number, number>): void {
    const oldest = map.keys().next();
    if (map.size > MOST_REPLIES && oldest.done !== true) map.delete(oldest.value);
  }
}

const MOST_REPLIES = 500;
