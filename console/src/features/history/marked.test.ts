import fc from "fast-check";
import { expect, it } from "vitest";

import { marked } from "./marked";

it("marks the words that were looked for where words begin, and Chinese anywhere", () => {
  const hits = (text: string, query: string): string[] => marked(text, query).filter(({ hit }) => hit).map(({ text: found }) => found);
  expect(hits("Set a timer, reset it", "set TIM")).toEqual(["Set", "tim"]);
  expect(hits("现在几点了", "几点")).toEqual(["几点"]);
  expect(hits("anything", "(.*)")).toEqual([]);
});

it("loses no letter", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, query) => {
    expect(marked(text, query).map((part) => part.text).join("")).toBe(text);
  }));
});
