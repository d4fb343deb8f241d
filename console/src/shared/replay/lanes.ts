/** ms from the end of speech. */
export interface Extent {
  from: number;
  to: number;
}

interface Spanned {
  start: number;
  end: number;
}

/** Shown of what was heard beyond the last stage, as a share of the axis: it goes on for seconds. */
const BEYOND = 0.15;

/**
 * The axis of a turn's stages: all of them and zero. Hearing the reply takes seconds and would make every stage a hair;
 * of it the beginning is shown, and `heardFrom` is always on the axis.
 */
export function extentOf(stages: readonly Spanned[], heardFrom: number | null): Extent {
  const from = Math.min(0, ...stages.map(({ start }) => start));
  const last = Math.max(1, heardFrom ?? 0, ...stages.map(({ end }) => end));
  return { from, to: last + (heardFrom === null ? 0 : Math.ceil((last - from) * BEYOND)) };
}

/** Place on the axis, 0 to 1; what lies outside stands at its end. */
export function placeOn({ from, to }: Extent, ms: number): number {
  return to <= from ? 0 : Math.min(1, Math.max(0, (ms - from) / (to - from)));
}

/** Round numbers along the axis, at most `most` of them, zero among them. */
export function ticksOn({ from, to }: Extent, most: number): number[] {
  const rough = Math.max(1, (to - from) / Math.max(1, most - 1));
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * size >= rough) ?? 10) * size;
  const found: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) found.push(tick === 0 ? 0 : tick);
  return found;
}
