import { describe, expect, it } from "vitest";

import { SETTINGS } from "@/shared/testing/api";
import { bySection, sameValue, shownValue } from "./values";

describe("the server's values", () => {
  it("stand by section, and are found by all words of a search in key or text", () => {
    expect(bySection(SETTINGS.items, "").map(([section]) => section)).toEqual(["talk", "turn", "server", "openai"]);
    expect(bySection(SETTINGS.items, "PORT tcp").map(([, items]) => items.map(({ key }) => key))).toEqual([["server.port"]]);
    expect(bySection(SETTINGS.items, "nothing has this")).toEqual([]);
  });

  it("are the same by what they hold", () => {
    expect(sameValue(["a", "b"], ["a", "b"])).toBe(true);
    expect(sameValue(1, "1")).toBe(false);
  });

  it("are shown in words", () => {
    const words = { yes: "on", no: "off", empty: "–" };
    expect([true, false, null, "", [], ["a", "b"], 0].map((value) => shownValue(value, words))).toEqual(["on", "off", "–", "–", "–", "a, b", "0"]);
  });
});
