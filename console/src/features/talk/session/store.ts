import { createStore, type StoreApi } from "zustand/vanilla";

import type { MicrophoneInfo, MicrophoneProblem } from "@/shared/audio/port";
import { EMPTY, type Conversation } from "./conversation";
import type { Mode } from "./lamp";
import type { SignalTrouble } from "./signal";

export interface MicrophoneState {
  state: "off" | "asking" | "on";
  /** The browser has been asking the person for a while. */
  slow: boolean;
  info: MicrophoneInfo | null;
  problem: MicrophoneProblem | null;
  trouble: SignalTrouble | null;
  /** It hears its own loudspeaker, by the look of it. */
  echo: boolean;
}

/** All that Talk shows and React draws. What changes with every frame is in Progress and in the engine's levels. */
export interface TalkState {
  conversation: Conversation;
  /** The kept conversation that the next words are added to; null: they begin a new one. */
  goesOn: string | null;
  mode: Mode;
  microphone: MicrophoneState;
  muted: boolean;
  /** The browser lets us sound. */
  sounding: boolean;
  /** The audio engine could not be started. */
  soundless: boolean;
  /** Turn by turn: an utterance is being taken. */
  talking: "no" | "held" | "until-silence";
  /** A reply is coming out of the loudspeaker. */
  audible: boolean;
  /** At the end of the queue with the page hidden: the microphone waits for the person. */
  yourTurn: boolean;
  camera: "off" | "on" | "denied";
  /** Seconds of microphone sound that wait for the line. */
  keptS: number;
}

export const IDLE_MICROPHONE: MicrophoneState = {
  state: "off",
  slow: false,
  info: null,
  problem: null,
  trouble: null,
  echo: false,
};

export type TalkStore = StoreApi<TalkState>;

export function createTalkStore(mode: Mode): TalkStore {
  return createStore<TalkState>(() => ({
    conversation: EMPTY,
    goesOn: null,
    mode,
    microphone: IDLE_MICROPHONE,
    muted: false,
    sounding: true,
    soundless: false,
    talking: "no",
    audible: false,
    yourTurn: false,
    camera: "off",
    keptS: 0,
  }));
}
