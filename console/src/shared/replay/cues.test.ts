import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cueAt, cuesOf, piecesOf, turnAt } from "./cues";
import { aTurn } from "./samples";
import type { Turn } from "./types";

/** A reply of words with rising times, of which some at the end were never heard. */
const replies = fc
  .record({
    words: fc.array(fc.record({ text: fc.stringMatching(/^[a-z]{1,6} $/), ms: fc.integer({ min: 1, max: 900 }) }), { minLength: 1, maxLength: 12 }),
    heard: fc.nat(12),
    from: fc.nat(100_000),
  })
  .map(({ words, heard, from }): Turn => {
    let [start, at] = [0, from];
    const known = words.map(({ text, ms }, i) => {
      const word = { text, start, from_ms: at, heard: i < heard };
      start += text.length;
      at += ms;
      return word;
    });
    const [played, rest] = [known.filter((word) => word.heard), known.filter((word) => !word.heard)];
    return aTurn({ heard: played.map(({ text }) => text).join(""), unheard: rest.map(({ text }) => text).join(""), words: known, heard_from_ms: from, heard_to_ms: rest[0]?.from_ms ?? at });
  });

describe("the pieces of a reply", () => {
  it("make up its text, and what was cut has no time", () => {
    fc.assert(
      fc.property(replies, (turn) => {
        const pieces = piecesOf(turn);
        expect(pieces.map(({ text }) => text).join("")).toBe((turn.heard ?? "") + (turn.unheard ?? ""));
        for (const { heard, from } of pieces) expect(from === null).toBe(!heard);
      }),
    );
  });

  it("are found again at the time that a click on them leads to", () => {
    fc.assert(
      fc.property(replies, (turn) => {
        const cues = cuesOf([turn], "reply");
        piecesOf(turn).forEach(({ from, to }, piece) => {
          if (from !== null && to !== null && to > from) expect(cueAt(cues, from)).toMatchObject({ piece, reply: turn.reply });
        });
      }),
    );
  });

  it("are all or nothing where the voice told no words", () => {
    const turn = aTurn({ heard: "It is ", unheard: "late.", words: [], heard_from_ms: 10, heard_to_ms: 900 });
    expect(piecesOf(turn)).toEqual([
      { text: "It is ", from: 10, to: 900, heard: true },
      { text: "late.", from: null, to: null, heard: false },
    ]);
  });

  it("are none where the words are not for whoever looks", () => {
    expect(piecesOf(aTurn({ heard: null, unheard: null, words: null }))).toEqual([]);
  });
});

it("knows what sounds, and that between cues nothing does", () => {
  const turns = [aTurn({ reply: 1, said_from_ms: 0, said_to_ms: 800 }), aTurn({ reply: 2, said_from_ms: 5000, said_to_ms: 6000 })];
  const cues = cuesOf(turns, "you");
  expect([0, 799, 800, 4999, 5000].map((ms) => cueAt(cues, ms)?.reply ?? null)).toEqual([1, 1, null, null, 2]);
  expect([-1, 0, 4999, 5000].map((ms) => turnAt(turns, ms))).toEqual([-1, 0, 0, 1]);
});
