/**
 * Samples of one reply, addressed by their offset in it. Pieces that overlap what is already there (after a resume)
 * are dropped by offset; a hole becomes silence, so that later words keep their time. Old samples are forgotten only
 * by `forget`, because a hold may go back a little. Holds at most `limit` samples; what does not fit is refused.
 */
export class SampleRing {
  #samples: Int16Array;
  #start: number;
  #end: number;

  constructor(
    start: number,
    readonly limit: number,
  ) {
    this.#samples = new Int16Array(Math.min(limit, FIRST_ALLOCATION));
    this.#start = start;
    this.#end = start;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** The number of new samples taken: all that lie beyond the end and fit. */
  write(offset: number, pcm: Int16Array): number {
    const from = Math.max(offset, this.#end);
    const to = Math.min(offset + pcm.length, this.#start + this.limit);
    if (to <= from) return 0;
    this.#reserve(to - this.#start);
    const size = this.#samples.length;
    for (let i = this.#end; i < from; i++) this.#samples[i % size] = 0;
    for (let i = from; i < to; i++) this.#samples[i % size] = pcm[i - offset] ?? 0;
    this.#end = to;
    return to - from;
  }

  /** Zero outside of what is held. */
  at(offset: number): number {
    if (offset < this.#start || offset >= this.#end) return 0;
    return this.#samples[offset % this.#samples.length] ?? 0;
  }

  forget(before: number): void {
    this.#start = Math.max(this.#start, Math.min(before, this.#end));
  }

  #reserve(length: number): void {
    if (length <= this.#samples.length) return;
    let size = this.#samples.length;
    while (size < length) size = Math.min(this.limit, size * 2);
    const grown = new Int16Array(size);
    for (let i = this.#start; i < this.#end; i++) grown[i % size] = this.at(i);
    this.#samples = grown;
  }
}

/** Five seconds at 24 kHz: most replies never grow the ring. */
const FIRST_ALLOCATION = 120_000;
