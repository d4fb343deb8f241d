import type { Side, Turn } from "./types";

/** A piece of a reply's text: a word where the voice told word times, else all that was heard, or all that was not. */
export interface Piece {
  text: string;
  /** On the conversation's clock, ms; null: it never sounded, or nobody knows when. */
  from: number | null;
  to: number | null;
  heard: boolean;
}

/** The pieces of a reply; joined they are its text. */
export function piecesOf({ heard, unheard, words, heard_from_ms, heard_to_ms }: Turn): Piece[] {
  const text = (heard ?? "") + (unheard ?? "");
  if (text === "") return [];
  const known = (words ?? []).filter(({ start }) => start >= 0 && start < text.length);
  if (known.length === 0) {
    const whole: Piece[] = [
      { text: heard ?? "", from: heard_from_ms, to: heard_to_ms, heard: true },
      { text: unheard ?? "", from: null, to: null, heard: false },
    ];
    return whole.filter((piece) => piece.text !== "");
  }
  return known.map((word, i) => {
    const next = known[i + 1];
    const end = next?.heard === true ? next.from_ms : Math.max(word.from_ms, heard_to_ms ?? word.from_ms);
    return {
      text: text.slice(i === 0 ? 0 : word.start, next?.start ?? text.length),
      from: word.heard ? word.from_ms : null,
      to: word.heard ? end : null,
      heard: word.heard,
    };
  });
}

/** Something that sounds from `from` to before `to`, ms on the conversation's clock. */
export interface Cue {
  from: number;
  to: number;
  reply: number;
  side: Side;
  /** Of the reply's pieces; 0 for what was said. */
  piece: number;
}

/** What sounds when, of one side, by beginning. What was said is one cue: nobody told when each of its words was. */
export function cuesOf(turns: readonly Turn[], side: Side): Cue[] {
  const found: Cue[] = [];
  for (const turn of turns) {
    const { reply } = turn;
    if (side === "you") {
      if (turn.said_from_ms !== null && turn.said_to_ms !== null) found.push({ from: turn.said_from_ms, to: turn.said_to_ms, reply, side, piece: 0 });
      continue;
    }
    piecesOf(turn).forEach(({ from, to }, piece) => {
      if (from !== null && to !== null) found.push({ from, to, reply, side, piece });
    });
  }
  return found.sort((a, b) => a.from - b.from);
}

/** The cue that sounds at `ms`; of several the latest to begin. */
export function cueAt(cues: readonly Cue[], ms: number): Cue | null {
  let [low, high] = [0, cues.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cues[middle]?.from ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  const found = cues[low - 1];
  return found !== undefined && ms < found.to ? found : null;
}

/** Where a turn begins to sound, ms; null: nothing of it ever did. */
export function beginOf({ said_from_ms, heard_from_ms }: Turn): number | null {
  return said_from_ms ?? heard_from_ms;
}

/** The last turn that has begun at `ms`, as its place in `turns`; -1 before the first. */
export function turnAt(turns: readonly Turn[], ms: number): number {
  return turns.findLastIndex((turn) => (beginOf(turn) ?? Infinity) <= ms);
}

/** It was stopped before its end: words were made that nobody heard. */
export function wasCut({ unheard, reason }: Turn): boolean {
  return (unheard ?? "") !== "" || reason === "interrupted";
}
