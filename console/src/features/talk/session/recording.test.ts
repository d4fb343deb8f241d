import { expect, it } from "vitest";

import { prepared } from "@/shared/testing/server";
import { EMPTY, history, reduce, type Conversation } from "./conversation";

const after = (...events: Parameters<typeof reduce>[1][]): Conversation => events.reduce((state, event) => reduce(state, event, 0), EMPTY);
const asked = prepared({ retention: { transcript_days: 30, recording_days: 30, recording: "ask" } });

it("nothing is recorded until the person has said so, and then it is shown", () => {
  expect(after(prepared()).recording).toEqual({ state: "off" });
  expect(after(asked).recording).toEqual({ state: "ask" });
  expect(after(asked, { type: "recording", state: "on" }).recording?.state).toBe("on");
});

it("a pause of the recording says why, and after the end nothing is recorded", () => {
  const full = after(asked, { type: "recording", state: "paused", reason: "storage_full" });
  expect(full.recording).toMatchObject({ state: "paused", reason: "storage_full" });
  expect(reduce(full, { type: "ended", code: "stopped" }, 0).recording).toBeNull();
  expect(reduce(full, { type: "closed" }, 0).recording).toBeNull();
});

it("a draft's prompt comes before the history, and nothing where there is none", () => {
  expect(history(EMPTY, "Answer in one word.")).toEqual([{ role: "system", content: "Answer in one word." }]);
  expect(history(EMPTY)).toEqual([]);
});
