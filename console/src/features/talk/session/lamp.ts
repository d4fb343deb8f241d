import type { Conversation } from "./conversation";

/** The one round control: its state is what `data-state` says. */
export type LampState =
  | "ready"
  | "connecting"
  | "waiting"
  | "listening"
  | "hearing"
  | "recognising"
  | "thinking"
  | "synthesising"
  | "speaking"
  | "ducked"
  | "held"
  | "interrupted"
  | "muted"
  | "paused"
  | "reconnecting"
  | "blocked"
  | "ended";

export type LampAction = "start" | "commit" | "interrupt" | "go-on" | "retry" | "talk" | "none";

export interface Surroundings {
  mode: Mode;
  /** The browser is asking the person for the microphone. */
  asking: boolean;
  /** No microphone, or one that is muted. */
  muted: boolean;
  /** The browser lets us sound. */
  sounding: boolean;
  /** Turn by turn: the microphone is open for an utterance. */
  talking: boolean;
  /** Turn by turn: the reply is still coming out of the loudspeaker. */
  audible: boolean;
}

export type Mode = "turns" | "hands-free" | "camera";

/** What the lamp shows: the most pressing of what is going on. */
export function lampState(talk: Conversation, around: Surroundings): LampState {
  switch (talk.line) {
    case "off":
      return "ready";
    case "ended":
      return "ended";
    case "lost":
      return "reconnecting";
    case "connecting":
      return talk.queue === null ? "connecting" : "waiting";
    case "up":
      break;
  }
  if (!around.sounding) return "blocked";
  if (talk.pausedUntil !== null) return "paused";
  return around.mode === "turns" ? inTurns(talk, around) : handsFree(talk, around);
}

function handsFree(talk: Conversation, around: Surroundings): LampState {
  if (talk.held) return "held";
  if (talk.ducked !== null) return "ducked";
  if (talk.interrupted) return "interrupted";
  const { server } = talk;
  if (server === "speaking" || server === "paused") return server;
  if (talk.hearing) return "hearing";
  if (server === "recognising" || server === "thinking" || server === "synthesising") return server;
  if (around.asking) return "connecting";
  return around.muted ? "muted" : "listening";
}

function inTurns(talk: Conversation, around: Surroundings): LampState {
  if (talk.queue !== null) return "waiting";
  if (around.talking) return talk.hearing ? "hearing" : "listening";
  const { server } = talk;
  if (around.audible || server === "speaking") return "speaking";
  if (server === "recognising" || server === "thinking" || server === "synthesising") return server;
  return around.muted ? "muted" : "ready";
}

/** What a tap does: the next obvious thing. */
export function lampAction(state: LampState, mode: Mode): LampAction {
  switch (state) {
    case "ready":
      return mode === "turns" ? "talk" : "start";
    case "ended":
      return "start";
    case "reconnecting":
      return "retry";
    case "blocked":
    case "paused":
      return "go-on";
    case "hearing":
    case "listening":
      return mode === "turns" || state === "hearing" ? "commit" : "none";
    case "recognising":
    case "thinking":
    case "synthesising":
    case "speaking":
    case "ducked":
    case "held":
      return "interrupt";
    case "muted":
      return "go-on";
    case "connecting":
    case "waiting":
    case "interrupted":
      return "none";
  }
}

/** An animation for how it looks, not for what it is. */
export const THINKING: readonly LampState[] = ["recognising", "thinking", "synthesising"];
