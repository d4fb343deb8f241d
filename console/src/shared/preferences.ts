import { create } from "zustand";
import { persist } from "zustand/middleware";

export type Language = "en" | "zh";
export type Theme = "system" | "light" | "dark";

/** What a person chose for this browser. */
export interface Preferences {
  language: Language;
  /** What one speaks, apart from what one reads; null: the same. */
  spoken: Language | null;
  theme: Theme;
  mode: "turns" | "hands-free" | "camera";
  microphone: string | null;
  speaker: string | null;
  /** Decibels. */
  volume: number;
  cues: boolean;
  singleKeys: boolean;
  interruptByVoice: boolean;
  /** How long a silence may last before the turn is over: 0.5 to 3, 1 is usual. */
  patience: number;
  /** The app that answers; null: the server's own choice. */
  app: string | null;
  /** The doctor has found nothing wrong once: it need not open by itself any more. */
  doctorSeenWell: boolean;
}

const DEFAULTS: Preferences = {
  language: typeof navigator !== "undefined" && navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en",
  spoken: null,
  theme: "system",
  mode: "hands-free",
  microphone: null,
  speaker: null,
  volume: 0,
  cues: true,
  singleKeys: true,
  interruptByVoice: true,
  patience: 1,
  app: null,
  doctorSeenWell: false,
};

export const usePreferences = create<Preferences>()(persist(() => DEFAULTS, { name: "vivavoce.preferences", version: 1 }));

export const prefer = (change: Partial<Preferences>): void => {
  usePreferences.setState(change);
};

export function spokenLanguage(preferences: Preferences): Language {
  return preferences.spoken ?? preferences.language;
}
