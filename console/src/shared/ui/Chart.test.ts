import { expect, it } from "vitest";

import { niceTop, runs } from "./Chart";

it("draws no line over what is not there", () => {
  expect(runs([1, 2, null, 3, null, null, 4]).map((run) => run.map(({ i }) => i))).toEqual([[0, 1], [3], [6]]);
  expect(runs([null])).toEqual([]);
});

it("ends a scale at a round number that holds all", () => {
  expect([0, 1, 1.5, 7, 20, 21, 999, 1200].map(niceTop)).toEqual([1, 1, 2, 10, 20, 50, 1000, 2000]);
});
