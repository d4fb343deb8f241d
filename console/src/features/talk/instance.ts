import { AudioEngine } from "@/shared/audio/engine";
import { spokenLanguage, usePreferences } from "@/shared/preferences";
import type { ResumeStore } from "@/shared/sockets/duplex";
import type { Talk } from "./context";
import { TalkSession } from "./session/talk";

/** The one conversation of this page: it goes on while one walks around in the console. */
export function createTalk(): Talk {
  const engine = new AudioEngine();
  const session = new TalkSession({
    audio: engine,
    mode: usePreferences.getState().mode,
    resume: sessionResume,
    choices: () => {
      const preferences = usePreferences.getState();
      return { ...preferences, language: spokenLanguage(preferences) };
    },
  });
  const { volume, speaker } = usePreferences.getState();
  engine.setVolume(volume);
  if (speaker !== null) void engine.setSpeaker(speaker);
  return { session, levels: engine.levels, engine, choosesSpeaker: AudioEngine.choosesSpeaker };
}

const KEY = "vivavoce.resume";

/** Outlives a reload of this tab, and no more. */
const sessionResume: ResumeStore = {
  load() {
    try {
      const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
      if (typeof kept !== "object" || kept === null || !("session" in kept) || !("token" in kept)) return null;
      const { session, token } = kept;
      return typeof session === "string" && typeof token === "string" ? { session, token } : null;
    } catch {
      // Storage is off, or holds something else: a new session then.
      return null;
    }
  },
  save(resume) {
    try {
      if (resume === null) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, JSON.stringify(resume));
    } catch {
      // Storage is off or full: a reload then begins a new session.
    }
  },
};
