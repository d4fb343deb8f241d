import type { Peaks, Recording, Side, Turn } from "./types";

/** A recording on the conversation's clock, ms. */
export interface Span {
  id: string;
  from: number;
  to: number;
}

/** What can be heard, in its order. */
export function spansOf(recordings: readonly Recording[]): Span[] {
  return recordings
    .filter(({ state, duration_ms }) => state === "ready" && duration_ms > 0)
    .map(({ id, from_ms, duration_ms }) => ({ id, from: from_ms, to: from_ms + duration_ms }))
    .sort((a, b) => a.from - b.from);
}

/** A moment of the conversation as a place in a recording. */
export interface Place {
  index: number;
  /** ms from the recording's beginning. */
  offset: number;
}

/** Where nothing was recorded it goes on with the next recording, and after the last one at its end. Null: no sound. */
export function placeOf(spans: readonly Span[], ms: number): Place | null {
  const index = spans.findIndex(({ to }) => ms < to);
  const span = spans[index];
  if (span !== undefined) return { index, offset: Math.max(0, ms - span.from) };
  const last = spans.at(-1);
  return last === undefined ? null : { index: spans.length - 1, offset: last.to - last.from };
}

/** Where the last word or sound of it ends, ms. */
export function lengthOf(recordings: readonly Recording[], turns: readonly Turn[]): number {
  const sounds = recordings.map(({ from_ms, duration_ms }) => from_ms + duration_ms);
  return Math.max(0, ...sounds, ...turns.flatMap(({ said_to_ms, heard_to_ms }) => [said_to_ms ?? 0, heard_to_ms ?? 0]));
}

/** Peaks with their bytes read: pairs (you, reply) each `step` ms, on the conversation's clock. */
export interface Wave {
  from: number;
  step: number;
  data: Uint8Array;
}

export function waveOf({ from_ms, step_ms, data }: Peaks): Wave {
  return { from: from_ms, step: step_ms, data: Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)) };
}

/** Loudness from 0 to 1 for each of `count` equal pieces of `from` to `to`; null where nothing was recorded. */
export function columns(waves: readonly Wave[], side: Side, [from, to]: readonly [number, number], count: number): (number | null)[] {
  const found = new Array<number | null>(count).fill(null);
  const width = (to - from) / count;
  if (!(width > 0)) return found;
  for (const { from: start, step, data } of waves) {
    for (let i = side === "you" ? 0 : 1, at = start; i < data.length; i += 2, at += step) {
      // A peak stands for its whole step, however narrow the columns are.
      const first = Math.max(0, Math.floor((at - from) / width));
      const last = Math.min(count - 1, Math.ceil((at + step - from) / width) - 1);
      for (let column = first; column <= last; column += 1) found[column] = Math.max(found[column] ?? 0, (data[i] ?? 0) / 255);
    }
  }
  return found;
}

/** Below this share of full scale nobody speaks: breath, fans, the noise of a codec. */
const QUIET = 8 / 255;
/** What is shorter is a pause in somebody's speech, ms. */
const SILENCE_MS = 1000;
/** Kept of it at either end, so that words are not run together, ms. */
const BREATH_MS = 200;

/** Stretches in which neither side is heard, without a breath at either end. */
export function silences(waves: readonly Wave[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const { from, step, data } of waves) {
    let begin: number | null = null;
    for (let i = 0, at = from; i <= data.length; i += 2, at += step) {
      const quiet = i < data.length && Math.max(data[i] ?? 0, data[i + 1] ?? 0) / 255 < QUIET;
      if (quiet) begin ??= at;
      else if (begin !== null) {
        if (at - begin >= SILENCE_MS) found.push([begin + BREATH_MS, at - BREATH_MS]);
        begin = null;
      }
    }
  }
  return found;
}
