import { PolyphaseFilter } from "./filter";

/**
 * Streaming resampler for captured sound: mono floats in any block size in, floats at the new rate out.
 * Linear phase and compensated: output sample `n` is the input at time `n / to`, later by `latency` seconds of waiting.
 */
export class Resampler {
  readonly #filter: PolyphaseFilter | null;
  readonly #step: number;
  readonly #phases: number;
  readonly #half: number;
  #history: Float32Array;
  /** Absolute input index of `#history[0]`; the filter begins before the first sample, in silence. */
  #origin: number;
  #next = 0;

  constructor(from: number, to: number) {
    this.#filter = from === to ? null : new PolyphaseFilter(from, to);
    this.#step = this.#filter?.step ?? 1;
    this.#phases = this.#filter?.phases ?? 1;
    this.#half = this.#filter?.half ?? 0;
    this.#history = new Float32Array(this.#half);
    this.#origin = -this.#half;
  }

  process(input: Float32Array): Float32Array {
    const filter = this.#filter;
    if (filter === null) return input.slice();
    const held = new Float32Array(this.#history.length + input.length);
    held.set(this.#history);
    held.set(input, this.#history.length);
    const end = this.#origin + held.length;
    const origin = this.#origin;
    const read = (index: number): number => held[index - origin] ?? 0;
    // The last output whose newest tap is already there.
    const last = Math.floor(((end - this.#half) * this.#phases - 1) / this.#step);
    const count = Math.max(0, last - this.#next + 1);
    const output = new Float32Array(count);
    for (let i = 0; i < count; i++) output[i] = filter.at((this.#next + i) * this.#step, read);
    this.#next += count;
    const oldest = Math.floor((this.#next * this.#step) / this.#phases) - this.#half + 1;
    const keep = Math.min(held.length, Math.max(0, oldest - origin));
    this.#history = held.slice(keep);
    this.#origin = origin + keep;
    return output;
  }
}
