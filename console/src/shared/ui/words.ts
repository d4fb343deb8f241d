/** A word with the space and punctuation that follow it, so that joining all words gives the text back. */
export interface Word {
  text: string;
  start: number;
  stop: number;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** Words as they are said: also of Chinese, which writes none. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    const last = words.at(-1);
    if (isWordLike === true || last === undefined) words.push({ text: segment, start: index, stop: index + segment.length });
    else {
      last.text += segment;
      last.stop += segment.length;
    }
  }
  return words;
}

export interface Spoken {
  text: string;
  marks: readonly { start: number; at: number }[];
  rate: number;
}

/** Where in the text the sound is: words before `from` have been said, those from `from` to `to` are being said. */
export interface Reached {
  from: number;
  to: number;
}

/** By the voice's own word times where it tells them, else in proportion to what has come. */
export function reached(spoken: Spoken, heardMs: number, lengthMs: number): Reached {
  const { text, marks, rate } = spoken;
  if (heardMs <= 0) return { from: 0, to: 0 };
  if (lengthMs > 0 && heardMs >= lengthMs - 1) return { from: text.length, to: text.length };
  if (marks.length > 0) {
    const at = (heardMs * rate) / 1000;
    const next = marks.findIndex((mark) => mark.at > at);
    const from = next < 0 ? (marks.at(-1)?.start ?? 0) : (marks[next - 1]?.start ?? 0);
    return { from, to: next < 0 ? text.length : (marks[next]?.start ?? text.length) };
  }
  const middle = lengthMs > 0 ? Math.floor((text.length * heardMs) / lengthMs) : 0;
  return { from: middle, to: middle + 1 };
}

/** How much of `text` the words of `heard` make up: both may differ in white space. */
export function heardLength(text: string, heard: string): number {
  let i = 0;
  for (const sign of heard.replace(/\s+/gu, "")) {
    while (i < text.length && /\s/u.test(text.charAt(i))) i += 1;
    if (!text.startsWith(sign, i)) break;
    i += sign.length;
  }
  return i;
}

/** `null`: not yet said. */
export function wordHeard(word: Word, until: number): boolean {
  // A word counts when most of it was heard: trailing punctuation makes no sound.
  return word.start + (word.stop - word.start) / 2 <= until && word.start < until;
}
