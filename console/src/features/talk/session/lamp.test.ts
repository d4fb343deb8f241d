import { describe, expect, it } from "vitest";

import { prepared } from "@/shared/testing/server";
import { EMPTY, reduce, type Conversation, type Local } from "./conversation";
import { lampAction, lampState, type Surroundings } from "./lamp";
import type { LinkEvent } from "@/shared/sockets/link";

const around: Surroundings = { mode: "hands-free", asking: false, muted: false, sounding: true, talking: false, audible: false };
const after = (...events: (LinkEvent | Local)[]): Conversation =>
  events.reduce((state, event) => reduce(state, event, 0), reduce(EMPTY, { type: "connecting" }, 0));
const speaking: LinkEvent[] = [prepared(), { type: "reply_started", reply: 1, turn: 1 }, { type: "state", state: "speaking" }];

describe("the lamp", () => {
  it.each([
    ["connecting", after()],
    ["listening", after(prepared(), { type: "state", state: "listening" })],
    ["hearing", after(prepared(), { type: "state", state: "listening" }, { type: "speech_started", at: 0 })],
    ["recognising", after(prepared(), { type: "state", state: "recognising" })],
    ["speaking", after(...speaking)],
    ["ducked", after(...speaking, { type: "duck", reply: 1, gain: 0.3 })],
    ["held", after(...speaking, { type: "duck", reply: 1, gain: 0.3 }, { type: "hold", reply: 1 })],
    ["interrupted", after(...speaking, { type: "hold", reply: 1 }, { type: "flush", reply: 1, reason: "interrupted" })],
    ["paused", after(...speaking, { type: "paused", until: 300 })],
    ["reconnecting", after(...speaking, { type: "lost", leftS: 60 })],
    ["ended", after(...speaking, { type: "ended", code: "internal" })],
    ["ready", after(...speaking, { type: "closed" })],
  ] as const)("reads %s", (state, talk) => {
    expect(lampState(talk, around)).toBe(state);
  });

  it("puts what stops the sound before what the conversation does", () => {
    const talk = after(...speaking);
    expect(lampState(talk, { ...around, sounding: false })).toBe("blocked");
    expect(lampState(talk, { ...around, muted: true })).toBe("speaking");
    const quiet = after(prepared(), { type: "state", state: "listening" });
    expect(lampState(quiet, { ...around, muted: true })).toBe("muted");
    expect(lampState(quiet, { ...around, asking: true, muted: true })).toBe("connecting");
  });

  it("waits for a press between turns, and speaks as long as it is heard", () => {
    const idle = after(prepared(), { type: "state", state: "listening" });
    const turns: Surroundings = { ...around, mode: "turns" };
    expect(lampState(idle, turns)).toBe("ready");
    expect(lampState(idle, { ...turns, talking: true })).toBe("listening");
    expect(lampState(idle, { ...turns, audible: true })).toBe("speaking");
  });

  it("does the next obvious thing", () => {
    expect(lampAction("hearing", "hands-free")).toBe("commit");
    expect(lampAction("listening", "hands-free")).toBe("none");
    expect(lampAction("held", "hands-free")).toBe("interrupt");
    expect(lampAction("blocked", "hands-free")).toBe("go-on");
    expect(lampAction("ready", "turns")).toBe("talk");
  });
});
