import { vi } from "vitest";

import type { Kept, SessionKind } from "@/shared/sockets/resumption";
import { FakeAudio } from "@/shared/testing/audio";
import { FakeServer, prepared } from "@/shared/testing/server";
import type { Mode } from "./lamp";
import { TalkSession, type Choices } from "./talk";

/** Before each test: the little that a session wants of a browser, and a clock that the test moves. */
export function browser(): () => void {
  vi.useFakeTimers();
  vi.stubGlobal("location", { href: "http://127.0.0.1:8006/talk" });
  vi.stubGlobal("document", { hidden: false });
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
}

/** A page with a fake microphone, a fake server and a hand on the clock. */
export function page(mode: Mode = "hands-free", change: Partial<Choices> = {}) {
  const audio = new FakeAudio();
  const server = new FakeServer();
  const kept = new Map<SessionKind, Kept | null>();
  const session = new TalkSession({
    audio,
    mode,
    dial: server.dial,
    choices: () => ({ language: "en", microphone: null, cues: false, interruptByVoice: true, patience: 1, ...change }),
    resume: {
      load: (kind) => kept.get(kind) ?? null,
      save: (kind, resume) => {
        kept.set(kind, resume);
      },
    },
  });
  const settle = async (ms = 0): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms);
  };
  /** Started, and the server is ready. */
  const live = async (): Promise<void> => {
    session.tap();
    server.line.accept().say(prepared(), { type: "state", state: "listening" });
    await settle();
  };
  return { audio, server, session, settle, live, turns: () => session.store.getState().conversation.turns };
}
