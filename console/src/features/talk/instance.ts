import { AudioEngine } from "@/shared/audio/engine";
import { spokenLanguage, usePreferences } from "@/shared/preferences";
import { dialWithTicket } from "@/shared/sockets/dial";
import type { ResumeStore, SessionKind } from "@/shared/sockets/resumption";
import { tab } from "@/shared/storage";
import { useTrial } from "@/shared/trial";
import type { Talk } from "./context";
import { TalkSession, type Choices } from "./session/talk";

/** The one conversation of this page: it goes on while one walks around in the console. */
export function createTalk(): Talk {
  const engine = new AudioEngine();
  const session = new TalkSession({
    audio: engine,
    mode: usePreferences.getState().mode,
    resume: sessionResume,
    dial: dialWithTicket,
    choices,
  });
  const { volume, speaker } = usePreferences.getState();
  engine.setVolume(volume);
  if (speaker !== null) void engine.setSpeaker(speaker);
  return { session, levels: engine.levels, engine, choosesSpeaker: AudioEngine.choosesSpeaker };
}

/** Of the person, and of the app or the draft that they talk with. */
function choices(): Choices {
  const preferences = usePreferences.getState();
  const { microphone, cues, interruptByVoice } = preferences;
  const own = { microphone, cues, interruptByVoice, language: spokenLanguage(preferences), patience: preferences.patience };
  const { trial } = useTrial.getState();
  if (trial === null) return { ...own, ...(preferences.app === null ? {} : { app: preferences.app }) };
  const { app, prompt, voice, language, patience } = trial;
  return { ...own, patience, prompt, ...(app === undefined ? {} : { app }), ...(voice === null ? {} : { voice }), ...(language === null ? {} : { language }) };
}

const key = (kind: SessionKind): string => `vivavoce.resume.${kind}`;

/** Outlives a reload of this tab, and no more. */
const sessionResume: ResumeStore = {
  load(kind) {
    try {
      const kept: unknown = JSON.parse(tab.read(key(kind)) ?? "null");
      if (typeof kept !== "object" || kept === null || !("session" in kept) || !("token" in kept)) return null;
      const { session, token } = kept;
      return typeof session === "string" && typeof token === "string" ? { session, token } : null;
    } catch {
      // Somebody wrote something else there: a new session then.
      return null;
    }
  },
  save(kind, kept) {
    tab.write(key(kind), kept === null ? null : JSON.stringify(kept));
  },
};
