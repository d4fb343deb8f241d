import { describe, expect, it } from "vitest";

import { localPath } from "./local";
import { page } from "./page";
import { choice, flag, moment, text, whole } from "./params";

const turns = page("/history/:id/turns/:n", { tab: choice("in", "out"), at: whole(0, 9999), words: text(10), cut: flag, from: moment });

describe("an address", () => {
  it("is written and read back with its parameters", () => {
    const href = turns.href({ id: "a b/ü", n: "3" }, { tab: "out", at: 0, cut: true, words: "x & y" });
    const url = new URL(href, "http://h");
    expect(turns.match(url.pathname)).toEqual({ id: "a b/ü", n: "3" });
    expect(turns.read(url.searchParams)).toEqual({ tab: "out", at: 0, cut: true, words: "x & y" });
  });

  it("counts what has a wrong form as absent", () => {
    const given = new URLSearchParams("tab=sideways&at=-1&cut=yes&from=yesterday&words=" + "w".repeat(40));
    expect(turns.read(given)).toEqual({ words: "w".repeat(10) });
  });

  it("is no other page's, whatever stands too much, too little or empty", () => {
    for (const path of ["/history/1/turns", "/history/1/turns/2/3", "/history//turns/2", "/history/1/turn/2", "/history/%zz/turns/2"])
      expect(turns.match(path), path).toBeNull();
    expect(turns.match("/history/1/turns/2/")).toEqual({ id: "1", n: "2" });
    expect(page("/", {}).match("/")).toEqual({});
  });
});

describe("where to go after signing in", () => {
  const origin = "https://voice.example";

  it("is a path of this server", () => {
    expect(localPath("/users?search=a", origin)).toBe("/users?search=a");
  });

  it("is never another place, however it is written", () => {
    const foreign = [
      "https://evil.example/",
      "//evil.example/",
      "/\\evil.example",
      "/\t/evil.example",
      "\\\\evil.example",
      "javascript:alert(1)",
      " javascript:alert(1)",
      "data:text/html,x",
      "/\n/evil.example",
      "http:evil",
      "",
      "users",
      "/" + "a".repeat(3000),
    ];
    for (const path of foreign) expect(localPath(path, origin), JSON.stringify(path)).toBeNull();
  });
});
