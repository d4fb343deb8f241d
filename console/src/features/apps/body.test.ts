import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { changed, diff, NEW_BODY, slug } from "./body";

const lines = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((each) => each.join("\n"));

describe("a comparison of two texts", () => {
  it("gives both of them back, line by line", () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const found = diff(before, after);
        const side = (left: "gone" | "new"): string => found.filter(({ kind }) => kind !== left).map(({ text }) => text).join("\n");
        expect(side("new")).toBe(before);
        expect(side("gone")).toBe(after);
      }),
    );
  });

  it("keeps what is alike", () => {
    expect(diff("a\nb\nc", "a\nx\nc")).toEqual([
      { kind: "same", text: "a" },
      { kind: "gone", text: "b" },
      { kind: "new", text: "x" },
      { kind: "same", text: "c" },
    ]);
  });

  it("of texts beyond its bound still gives both", () => {
    const long = Array.from({ length: 1100 }, (_, i) => String(i)).join("\n");
    expect(diff(long, `${long}\nmore`)).toHaveLength(2201);
  });
});

it("names the fields that differ", () => {
  expect(changed(NEW_BODY, { ...NEW_BODY, patience: 2, tools: [] })).toEqual(["patience", "tools"]);
});

it("makes an id that the server takes, or none", () => {
  expect(slug("  Kitchen — Helper 2!")).toBe("kitchen-helper-2");
  expect(slug("前台")).toBe("");
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (name) => /^([a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?)?$/.test(slug(name))));
});
