import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { heardLength, reached, wordHeard, wordsOf } from "./words";

describe("words of a reply", () => {
  it("are the text, cut at what is said", () => {
    expect(wordsOf("Five minutes, starting now.").map((word) => word.text)).toEqual(["Five ", "minutes, ", "starting ", "now."]);
    expect(wordsOf("现在是三点半。").length).toBeGreaterThan(2);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(
          wordsOf(text)
            .map((word) => word.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });

  it("are reached by the voice's own times", () => {
    const text = "one two three";
    const marks = [
      { start: 0, at: 0 },
      { start: 4, at: 2400 },
      { start: 8, at: 4800 },
    ];
    const spoken = { text, marks, rate: 24_000 };
    expect(reached(spoken, 0, 300)).toEqual({ from: 0, to: 0 });
    expect(reached(spoken, 50, 300)).toEqual({ from: 0, to: 4 });
    expect(reached(spoken, 150, 300)).toEqual({ from: 4, to: 8 });
    expect(reached(spoken, 250, 300)).toEqual({ from: 8, to: 13 });
    expect(reached(spoken, 300, 300)).toEqual({ from: 13, to: 13 });
  });

  it("are reached in proportion where the voice tells no times", () => {
    expect(reached({ text: "0123456789", marks: [], rate: 24_000 }, 500, 1000).from).toBe(5);
  });

  it("never go back as time goes on", () => {
    const spoken = { text: "a bit of text that is said", marks: [], rate: 24_000 };
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (a, b) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)];
        expect(reached(spoken, late, 2000).from).toBeGreaterThanOrEqual(reached(spoken, early, 2000).from);
      }),
    );
  });
});

describe("what was heard of a cut reply", () => {
  it("is found in the text, whatever the white space", () => {
    expect(heardLength("Five  minutes, starting now.", "Five minutes,")).toBe(14);
    expect(heardLength("Five minutes", "")).toBe(0);
    expect(heardLength("Five minutes", "Five minutes")).toBe(12);
    expect(heardLength("Five minutes", "Six")).toBe(0);
  });

  it("decides word by word", () => {
    const words = wordsOf("I will ring.");
    expect(words.map((word) => wordHeard(word, heardLength("I will ring.", "I will")))).toEqual([true, true, false]);
  });
});
