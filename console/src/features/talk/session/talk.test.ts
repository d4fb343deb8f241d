import { beforeEach, describe, expect, it } from "vitest";

import { prepared } from "@/shared/testing/server";
import { browser, page } from "./fakePage";

beforeEach(browser);

describe("a hands-free conversation", () => {
  it("starts in the tap: context, microphone, socket, in this order", async () => {
    const { audio, server, session, settle } = page();
    expect(session.lamp()).toBe("ready");
    session.tap();
    expect(audio.orders).toEqual(["unlock", "open"]);
    expect(server.line.protocols).toEqual(["vivavoce.v1"]);
    expect(server.line.url).toMatch(/^ws:\/\/127\.0\.0\.1:8006\/ws\/duplex\/[A-Za-z0-9_-]{8,64}$/);
    expect(session.lamp()).toBe("connecting");
    audio.hear(100);
    server.line.accept();
    expect(server.line.of("prepare")).toHaveLength(1);
    expect(server.line.soundBytes).toBe(0);
    server.line.say(prepared(), { type: "state", state: "listening" });
    await settle();
    audio.hear(20);
    expect(server.line.soundBytes).toBe(6 * 640);
    expect(session.lamp()).toBe("listening");
  });

  it("shows a turn from the first guess to the last word heard", async () => {
    const { audio, server, session, live, turns } = page();
    await live();
    audio.hear(3000);
    const states: string[] = [];
    const see = (): void => void states.push(session.lamp());
    server.line.say({ type: "speech_started", at: 1000 });
    see();
    server.line.say({ type: "transcript", turn: 1, text: "what time", final: false, at: 1500 });
    expect(turns()[0]?.said).toEqual({ text: "what time", final: false, typed: false });
    server.line.say({ type: "speech_ended", at: 2000 }, { type: "state", state: "recognising" });
    see();
    server.line.say({ type: "transcript", turn: 1, text: "what time is it", final: true, at: 2000 }, { type: "state", state: "thinking" });
    see();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "text", reply: 1, delta: "Half past three.", at: 0 });
    server.line.say({ type: "state", state: "speaking" }).sound(1, 0, 2400).sound(1, 2400, 2400);
    see();
    expect(states).toEqual(["hearing", "recognising", "thinking", "speaking"]);
    expect(audio.pushed).toEqual([
      { reply: 1, offset: 0, samples: 2400 },
      { reply: 1, offset: 2400, samples: 2400 },
    ]);
    // The end of speech was captured 2 s after the start; the first sample sounds half a second later.
    session.audible(1, 2.5);
    expect(turns()[0]?.audibleMs).toBe(500);
    session.played(1, 120);
    session.heard(1, 120);
    expect(server.line.of("played")).toEqual([{ type: "played", reply: 1, ms: 120 }]);
    server.line.say({ type: "reply_done", reply: 1, reason: "completed", heard_ms: 200, heard_text: "Half past three." });
    expect(turns()).toHaveLength(1);
    expect(turns()[0]?.reply?.done).toBe("completed");
  });

  it("ducks, holds and releases as it is told, and loses nothing", async () => {
    const { audio, server, session, live } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "state", state: "speaking" });
    server.line.say({ type: "duck", reply: 1, gain: 0.3 });
    expect(session.lamp()).toBe("ducked");
    server.line.say({ type: "hold", reply: 1 });
    expect(session.lamp()).toBe("held");
    server.line.say({ type: "release", reply: 1 });
    expect(session.lamp()).toBe("speaking");
    expect(audio.orders.slice(-3)).toEqual(["duck 1 0.3", "hold 1", "release 1"]);
  });

  it("cuts a reply: flushed here at once, the words not heard are marked by the server's count", async () => {
    const { audio, server, session, live, settle, turns } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "text", reply: 1, delta: "I will ring." }, { type: "state", state: "speaking" });
    session.stop();
    expect(audio.orders.at(-1)).toBe("flush 1");
    expect(server.line.of("interrupt")).toHaveLength(1);
    server.line.say({ type: "flush", reply: 1, reason: "interrupted" });
    expect(session.lamp()).toBe("interrupted");
    server.line.say({ type: "reply_done", reply: 1, reason: "interrupted", heard_ms: 300, heard_text: "I will" }, { type: "state", state: "listening" });
    await settle(2000);
    expect(session.lamp()).toBe("listening");
    expect(turns()[0]?.reply).toMatchObject({ done: "interrupted", heardText: "I will" });
  });

  it("types instead of speaking, with the microphone refused", async () => {
    const { audio, server, session, settle, turns } = page();
    audio.problem = "denied";
    session.tap();
    await settle();
    expect(session.store.getState().microphone).toMatchObject({ state: "off", problem: "denied" });
    session.say("  what time is it ");
    server.line.accept().say(prepared());
    expect(server.line.of("text")).toEqual([{ type: "text", text: "what time is it" }]);
    server.line.say({ type: "reply_started", reply: 1, turn: 7 }, { type: "text", reply: 1, delta: "Noon." });
    expect(turns()).toHaveLength(1);
    expect(turns()[0]).toMatchObject({ turn: 7, said: { text: "what time is it", typed: true }, reply: { text: "Noon." } });
  });

  it("shows the microphone that was asked for last, and no trouble of the one before", async () => {
    const { audio, session, settle } = page();
    audio.prompting = true;
    session.tap();
    session.ears.ask();
    audio.answer();
    await settle(5000);
    expect(session.store.getState().microphone).toMatchObject({ state: "on", problem: null, slow: false });
  });

  it("goes on in writing when sound cannot be started, and tries again with the next tap", async () => {
    const { audio, session, settle } = page();
    audio.soundless = true;
    session.tap();
    await settle();
    expect(session.store.getState().soundless).toBe(true);
    audio.soundless = false;
    session.say("hello");
    await settle();
    expect(session.store.getState().soundless).toBe(false);
  });

  it("pauses when a call takes the loudspeaker, and goes on with a tap", async () => {
    const { server, session, live } = page();
    await live();
    session.running(false);
    server.line.say({ type: "paused", until: 600 }, { type: "state", state: "paused" });
    expect(server.line.of("pause")).toHaveLength(1);
    expect(session.lamp()).toBe("blocked");
    session.tap();
    session.running(true);
    expect(server.line.order.slice(-2)).toEqual(["pause", "resume"]);
    server.line.say({ type: "resumed" }, { type: "state", state: "listening" });
    expect(session.lamp()).toBe("listening");
  });

  it("looks only while it is heard: no picture before the session or without a line", async () => {
    const { server, session, settle } = page("camera");
    session.tap();
    server.line.accept();
    session.see("early");
    server.line.say({ type: "queued", ticket: "t", position: 1, length: 1, eta_s: 1, eta_range_s: [0, 2] });
    session.see("queued");
    server.line.say(prepared());
    session.see("now");
    await settle();
    expect(server.line.of("video_frame").map(({ image }) => image)).toEqual(["now"]);
  });

  it("suggests another way when it may be hearing itself", async () => {
    const { server, session, live } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 });
    for (let i = 0; i < 2; i++) server.line.say({ type: "hold", reply: 1 }, { type: "release", reply: 1 });
    expect(session.store.getState().microphone.echo).toBe(true);
  });

  it("is deaf while a reply sounds when that was chosen, in silence of the same length", async () => {
    const { audio, server, session, live } = page("hands-free", { interruptByVoice: false });
    await live();
    session.audible(1, 1);
    audio.hear(100);
    expect(server.line.soundBytes).toBe(5 * 640);
  });
});

describe("a lost line", () => {
  it("comes back with the token, sends what was said meanwhile, and goes on in the same reply", async () => {
    const { audio, server, session, live, settle, turns } = page();
    await live();
    audio.hear(200);
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "state", state: "speaking" });
    session.played(1, 900);
    server.line.drop();
    expect(session.lamp()).toBe("reconnecting");
    audio.hear(3000);
    expect(session.store.getState().keptS).toBe(3);
    session.played(1, 1200);
    await settle(400);
    expect(server.lines).toHaveLength(2);
    expect(server.line.url).toContain("session-0001");
    server.line.accept();
    expect(server.line.of("prepare")[0]).toMatchObject({ resume: "token-1" });
    server.line.say(prepared({ resumed: true, resume: "token-2" }));
    expect(audio.orders).toContain("repeat");
    audio.hear(2500);
    expect(server.line.soundBytes).toBe((3000 + 2500) / 20 * 640);
    expect(session.lamp()).toBe("speaking");
    expect(turns()).toHaveLength(1);
  });

  it("is given up after a minute, and the conversation stays", async () => {
    const { server, session, live, settle, turns } = page();
    await live();
    server.line.say({ type: "transcript", turn: 1, text: "hello", final: true, at: 100 });
    server.line.drop();
    for (let i = 0; i < 40 && session.lamp() === "reconnecting"; i++) {
      await settle(5000);
      server.line.drop();
    }
    expect(session.lamp()).toBe("ended");
    expect(session.store.getState().conversation.endedBy).toBe("expired");
    expect(turns()).toHaveLength(1);
  });

  it("counts on when the server has forgotten the session: old sound is never taken for new", async () => {
    const { server, session, live, settle, turns } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 3, turn: 2 });
    server.line.drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: false, session_id: "session-0002" }));
    server.line.say({ type: "reply_started", reply: 1, turn: 1 });
    expect(turns().map((turn) => turn.reply?.number)).toEqual([3, 5]);
    session.played(3, 50);
    session.played(5, 70);
    expect(server.line.of("played")).toEqual([{ type: "played", reply: 1, ms: 70 }]);
  });

  it("says that it is a new session when the old one is gone, and cuts what that was saying", async () => {
    const { audio, server, session, live, settle, turns } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "state", state: "speaking" }).drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: false, session_id: "session-0002" }));
    expect(session.store.getState().conversation.cameBack).toBe("anew");
    expect(turns()[0]?.reply?.done).toBe("stopped");
    expect(audio.orders).toContain("finish 1");
  });

  it("stops and ends, once it is back, what was to be stopped and ended while it was away", async () => {
    const { audio, server, session, live, settle } = page();
    await live();
    server.line.say({ type: "reply_started", reply: 1, turn: 1 }, { type: "state", state: "speaking" }).drop();
    session.stop();
    session.stop();
    audio.hear(100);
    session.commit();
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }));
    audio.hear(20);
    expect(server.line.order).toEqual(["prepare", "interrupt", "100 ms", "commit", "20 ms"]);
  });

  it("does not take an error that was survived for the reason of a later end", async () => {
    const { server, session, live, settle } = page();
    await live();
    server.line.say({ type: "error", code: "too_fast", message: "", retryable: true, fatal: false }).drop(1008, "slow_client");
    await settle();
    expect(session.store.getState().conversation.endedBy).toBe("slow_client");
  });

  it("is not called lost when it has never been up: refused, it ends within seconds", async () => {
    const { server, session, settle } = page();
    session.tap();
    const shown = new Set<string>();
    for (let s = 0; s < 6 && session.lamp() !== "ended"; s++) {
      server.line.drop();
      shown.add(session.lamp());
      await settle(1000);
    }
    expect([...shown]).toEqual(["connecting", "ended"]);
    expect(session.store.getState().conversation.endedBy).toBe("unreachable");
    expect(server.lines).toHaveLength(4);
  });

  it("says why the server closed it, and starts anew on the next tap", async () => {
    const { server, session, live } = page();
    await live();
    server.line.say({ type: "error", code: "model_invalid", message: "no answer", retryable: true, fatal: true }).drop(1008, "model_invalid");
    expect(session.lamp()).toBe("ended");
    expect(session.store.getState().conversation).toMatchObject({ endedBy: "model_invalid" });
    session.tap();
    expect(server.lines).toHaveLength(2);
  });
});

describe("the queue", () => {
  it("shows the place, says when it grows, and drops what was said while waiting", async () => {
    const { audio, server, session, settle } = page();
    session.tap();
    await settle();
    server.line.accept();
    const place = { ticket: "t", position: 3, length: 5, eta_s: 40, eta_range_s: [25, 70] as [number, number] };
    server.line.say({ type: "queued", ...place });
    expect(session.lamp()).toBe("waiting");
    server.line.say({ type: "queue_update", ...place, eta_s: 75 });
    expect(session.store.getState().conversation.queue).toMatchObject({ position: 3, longer: true });
    audio.hear(4000);
    server.line.say({ type: "queue_done", waited_ms: 4000 }, prepared());
    audio.hear(20);
    expect(server.line.soundBytes).toBe(640);
  });

  it("tells a full queue at once", () => {
    const { server, session } = page();
    session.tap();
    server.line.accept().say({ type: "error", code: "queue_full", message: "", retryable: true, fatal: true, retry_after_s: 60 }).drop(1013, "queue_full");
    expect(session.store.getState().conversation).toMatchObject({ line: "ended", endedBy: "queue_full" });
  });
});
