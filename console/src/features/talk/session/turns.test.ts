import { beforeEach, describe, expect, it } from "vitest";

import { prepared } from "@/shared/testing/server";
import { browser, page } from "./fakePage";

beforeEach(browser);

const GENERATE = { type: "generate", audio: true, language: "en" };
const TAKEN = { type: "prefill_done", prompt_tokens: 0, cached_tokens: 0, new_tokens: 0 } as const;

/** Turn by turn, with the session open and the microphone allowed. */
async function open() {
  const here = page("turns");
  here.session.start();
  here.server.line.accept().say(prepared(), TAKEN);
  await here.settle();
  return here;
}

describe("turn by turn", () => {
  it("sends what is said while the lamp is held, with the half second before, and asks for an answer", async () => {
    const { audio, server, session, settle } = await open();
    audio.hear(2000);
    expect(server.line.order).toEqual(["prefill"]);
    session.press();
    await settle(400);
    audio.hear(400);
    session.unpress();
    expect(server.line.order).toEqual(["prefill", "900 ms", "commit", "generate"]);
    expect(server.line.heard.at(-1)).toEqual(GENERATE);
    expect(session.lamp()).toBe("recognising");
  });

  it("loses nothing that was said before the socket opened: sound first, then what asks for the answer", async () => {
    const { audio, server, session, settle } = page("turns");
    session.press();
    await settle();
    audio.hear(1000);
    await settle(1000);
    session.unpress();
    server.line.accept();
    expect(server.line.order).toEqual(["prefill"]);
    server.line.say(prepared());
    expect(server.line.order).toEqual(["prefill", "1000 ms", "commit", "generate"]);
    expect(session.lamp()).toBe("recognising");
    // And nothing of it sticks to the next utterance.
    audio.hear(100);
    expect(server.line.order).toHaveLength(4);
  });

  it("goes on with a hold over a lost line, and closes it only when all of it has gone out", async () => {
    const { audio, server, session, settle } = await open();
    session.press();
    await settle(1000);
    audio.hear(1000);
    server.line.drop();
    audio.hear(4500);
    await settle(400);
    server.line.accept().say(prepared({ resumed: true, resume: "token-2" }));
    audio.hear(500);
    await settle();
    session.unpress();
    expect(server.line.url).toContain("/ws/streaming/session-0001");
    expect(server.line.heard[0]).toMatchObject({ type: "prefill", messages: [], resume: "token-1" });
    expect(server.line.order).toEqual(["prefill", "5000 ms", "commit", "generate"]);
    expect(session.store.getState().conversation.cameBack).toBe("resumed");
  });

  it("closes an utterance that was released while the line was down, after its sound", async () => {
    const { audio, server, session, settle } = await open();
    session.press();
    await settle(1000);
    audio.hear(500);
    server.line.drop();
    audio.hear(6000);
    session.unpress();
    audio.hear(1000);
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }));
    expect(server.line.order).toEqual(["prefill", "6000 ms", "commit", "generate"]);
  });

  it("listens until silence after a tap, and a second tap ends it", async () => {
    const { server, session } = await open();
    session.press();
    session.unpress();
    expect(server.line.of("generate")).toEqual([{ ...GENERATE, vad: true }]);
    expect(session.lamp()).toBe("listening");
    session.press();
    expect(server.line.of("commit")).toHaveLength(1);
    expect(server.line.of("generate")).toHaveLength(1);
  });

  it("stops a reply that sounds when the lamp is pressed, and listens", async () => {
    const { audio, server, session, settle } = await open();
    session.say("tell me");
    server.line.say({ type: "chunk", reply: 1, index: 0, text_delta: "Well " }).sound(1, 0, 480);
    await settle();
    session.audible(1, 1);
    expect(session.lamp()).toBe("speaking");
    session.press();
    expect(audio.orders).toContain("flush 1");
    expect(server.line.of("stop")).toHaveLength(1);
    expect(session.lamp()).toBe("listening");
  });

  it("thinks from the first typed words on, though the session is only being opened", async () => {
    const { server, session, settle } = page("turns");
    session.say("hello");
    expect(session.lamp()).toBe("connecting");
    server.line.accept().say(prepared());
    await settle();
    expect(session.lamp()).toBe("thinking");
    expect(server.line.order).toEqual(["prefill", "prefill", "generate"]);
  });
});

describe("a question that fails", () => {
  it("leaves the lamp free, and is not asked of a later session", async () => {
    const { server, session, settle } = await open();
    session.say("tell me");
    expect(session.lamp()).toBe("thinking");
    server.line.say(TAKEN, { type: "error", code: "llm_failed", message: "", retryable: true, fatal: false });
    expect(session.lamp()).toBe("ready");
    server.line.drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: false }));
    expect(server.line.of("generate")).toEqual([]);
  });

  it("goes on when it only lost its voice", async () => {
    const { server, session } = await open();
    session.say("tell me");
    server.line.say({ type: "error", code: "tts_failed", message: "", retryable: true, fatal: false });
    expect(session.lamp()).toBe("thinking");
  });
});

describe("turn by turn over a lost line", () => {
  it("goes on in the same reply", async () => {
    const { server, session, settle, turns } = await open();
    session.say("tell me");
    server.line.say(TAKEN, { type: "chunk", reply: 1, index: 0, text_delta: "Well, " }).sound(1, 0, 480);
    server.line.drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }), { type: "chunk", reply: 1, index: 1, text_delta: "now." });
    server.line.say({ type: "done", reply: 1, stopped: false, tokens: { cached: 0, input: 0, generated: 0 }, elapsed_ms: 10, heard_text: "Well, now." });
    expect(turns()).toHaveLength(1);
    expect(turns()[0]?.reply).toMatchObject({ text: "Well, now.", done: "completed" });
    expect(server.line.order).toEqual(["prefill"]);
  });

  it("asks again what was on its way when the line went down, and did not come through", async () => {
    const { server, session, settle } = await open();
    session.say("how late is it");
    server.line.drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }), TAKEN);
    await settle(400);
    expect(server.line.order).toEqual(["prefill", "prefill", "generate"]);
    expect(server.line.of("prefill")[1]?.messages).toEqual([{ role: "user", content: "how late is it" }]);
    expect(session.lamp()).toBe("thinking");
  });

  it("does not ask twice what did come through", async () => {
    const { server, session, settle } = await open();
    session.say("how late is it");
    server.line.drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }), TAKEN, TAKEN);
    await settle(400);
    expect(server.line.order).toEqual(["prefill"]);
    expect(session.lamp()).toBe("thinking");
  });

  it("tells a new session the conversation, as it was heard, and asks it what the old one was asked", async () => {
    const { server, session, settle, turns } = await open();
    session.say("hello");
    server.line.say(TAKEN, { type: "chunk", reply: 1, index: 0, text_delta: "Hello to you." });
    server.line.say({ type: "done", reply: 1, stopped: true, tokens: { cached: 0, input: 0, generated: 0 }, elapsed_ms: 10, heard_text: "Hello" });
    session.say("and now");
    server.line.say(TAKEN).drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: false, session_id: "session-0002" }));
    expect(server.line.order).toEqual(["prefill", "prefill", "prefill", "generate"]);
    expect(server.line.of("prefill")[1]).toMatchObject({
      replace: true,
      messages: [
        { role: "user", content: "hello" },
        { role: "assistant", content: "Hello" },
      ],
    });
    expect(server.line.of("prefill")[2]?.messages).toEqual([{ role: "user", content: "and now" }]);
    server.line.say({ type: "chunk", reply: 1, index: 0, text_delta: "Now." });
    expect(turns().map((turn) => turn.reply?.text)).toEqual(["Hello to you.", "Now."]);
    expect(session.store.getState().conversation.cameBack).toBe("anew");
  });

  it("cuts the reply of a session that is gone, and says so of an utterance that went with it", async () => {
    const { audio, server, session, settle, turns } = await open();
    session.say("tell me");
    server.line.say(TAKEN, { type: "chunk", reply: 1, index: 0, text_delta: "Well, " }).drop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: false }), TAKEN);
    expect(turns()[0]?.reply?.done).not.toBeNull();
    expect(audio.orders).toContain("finish 1");
    session.press();
    await settle(400);
    audio.hear(400);
    session.unpress();
    server.line.drop();
    await settle(4000);
    server.line.accept().say(prepared({ resumed: false }));
    expect(turns().at(-1)?.problem?.code).toBe("asr_failed");
    expect(session.lamp()).toBe("ready");
  });

  it("stops, once it is back, what it was told to stop while it was away", async () => {
    const { server, session, settle } = await open();
    session.say("tell me");
    server.line.say(TAKEN, { type: "chunk", reply: 1, index: 0, text_delta: "Well, " }).drop();
    session.stop();
    await settle(400);
    server.line.accept().say(prepared({ resumed: true }));
    expect(server.line.order).toEqual(["prefill", "stop"]);
  });
});
