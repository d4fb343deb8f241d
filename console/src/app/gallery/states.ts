import type { Duplex } from "@/generated/wire";
import type { LinkEvent } from "@/shared/sockets/link";
import { prepared } from "@/shared/testing/server";
import { EMPTY, reduce, type Conversation, type Local } from "@/features/talk/session/conversation";
import { IDLE_MICROPHONE, type MicrophoneState, type TalkState } from "@/features/talk/session/store";

/** One picture of the gallery: what Talk shows at a moment, made of the events that lead there. */
export interface Picture {
  state: Partial<TalkState>;
  /** Reply, ms heard of it, ms come. */
  heard?: [number, number, number];
  output?: number;
  input?: number;
}

const NOW = Date.now();

function after(...events: (LinkEvent | Local)[]): Conversation {
  return events.reduce((state, event) => reduce(state, event, NOW), EMPTY);
}

const started: (LinkEvent | Local)[] = [{ type: "connecting" }, prepared()];

function words(reply: number, texts: string[]): Duplex.ReplyText[] {
  return texts.map((delta, i) => ({ type: "text", reply, delta, at: i * 9000 }));
}

const metrics = (turn: number, response_ms: number): Duplex.Metrics => ({
  type: "metrics",
  turn,
  response_ms,
  queue_ms: 0,
  stages: [
    { name: "asr", start: -900, end: 60 },
    { name: "endpoint", start: 0, end: 260 },
    { name: "llm", start: 120, end: 270 },
    { name: "tts", start: 270, end: 380 },
    { name: "send", start: 380, end: response_ms },
  ],
});

/** A first turn, heard to its end. */
const first: (LinkEvent | Local)[] = [
  { type: "transcript", turn: 1, text: "set a timer for five minutes", final: true, at: 2400 },
  { type: "reply_started", reply: 1, turn: 1 },
  ...words(1, ["Five ", "minutes, ", "starting ", "now."]),
  metrics(1, 420),
  { type: "audible", reply: 1, afterMs: 480 },
  { type: "reply_done", reply: 1, reason: "completed", heard_ms: 1500, heard_text: "Five minutes, starting now." },
];

/** A second one whose reply is sounding. */
const second: (LinkEvent | Local)[] = [
  ...first,
  { type: "transcript", turn: 2, text: "and what time is it now", final: true, at: 9000 },
  { type: "reply_started", reply: 2, turn: 2 },
  ...words(2, ["It ", "is ", "half ", "past ", "three ", "in ", "the ", "afternoon, ", "and ", "the ", "timer ", "has ", "four ", "minutes ", "left."]),
  metrics(2, 610),
  { type: "audible", reply: 2, afterMs: 690 },
  { type: "state", state: "speaking" },
];

const cut: (LinkEvent | Local)[] = [
  ...second,
  { type: "flush", reply: 2, reason: "interrupted" },
  { type: "reply_done", reply: 2, reason: "interrupted", heard_ms: 1900, heard_text: "It is half past three" },
];

const listening: LinkEvent = { type: "state", state: "listening" };

const on: MicrophoneState = {
  ...IDLE_MICROPHONE,
  state: "on",
  info: { label: "Built-in microphone", deviceId: "1", echoCancellation: true, noiseSuppression: true, autoGainControl: true, fellBack: false },
};

const live = (...events: (LinkEvent | Local)[]): Partial<TalkState> => ({
  microphone: on,
  conversation: after(...started, ...events),
});

export const PICTURES: Record<string, Picture> = {
  ready: { state: {} },
  connecting: { state: { microphone: on, conversation: after({ type: "connecting" }) } },
  waiting: {
    state: {
      microphone: on,
      conversation: after({ type: "connecting" }, { type: "queued", ticket: "t", position: 3, length: 7, eta_s: 40, eta_range_s: [25, 70] }),
    },
  },
  listening: { state: live(listening), input: 0.01 },
  hearing: {
    state: live(...first, listening, { type: "speech_started", at: 7000 }, { type: "transcript", turn: 2, text: "and what time", final: false, at: 8000 }),
    input: 0.12,
  },
  thinking: {
    state: live(...first, { type: "transcript", turn: 2, text: "and what time is it now", final: true, at: 9000 }, { type: "state", state: "thinking" }),
  },
  speaking: { state: { ...live(...second), audible: true }, heard: [2, 1700, 5600], output: 0.14 },
  ducked: {
    state: { ...live(...second, { type: "duck", reply: 2, gain: 0.3 }), audible: true },
    heard: [2, 1900, 5600],
    output: 0.14,
    input: 0.1,
  },
  held: { state: live(...second, { type: "hold", reply: 2 }), heard: [2, 1900, 5600], output: 0.1 },
  interrupted: {
    state: live(...cut, { type: "speech_started", at: 12_000 }, { type: "flush", reply: 2, reason: "interrupted" }),
    heard: [2, 1900, 5600],
    input: 0.1,
  },
  cut: {
    state: live(...cut, listening, { type: "speech_started", at: 12_000 }, { type: "transcript", turn: 3, text: "stop, make it t", final: false, at: 12_800 }),
    heard: [2, 1900, 5600],
    input: 0.1,
  },
  muted: { state: { ...live(...first, listening), muted: true } },
  paused: { state: live(...first, { type: "paused", until: 300 }) },
  reconnecting: {
    state: { ...live(...second, { type: "lost", leftS: 52 }), keptS: 4 },
    heard: [2, 1900, 5600],
  },
  back: { state: { ...live(...second, { type: "lost", leftS: 52 }, { type: "back", resumed: true }), audible: true }, heard: [2, 2900, 5600], output: 0.1 },
  blocked: { state: { ...live(...second), sounding: false }, heard: [2, 300, 5600] },
  ended: {
    state: {
      conversation: after(
        ...started,
        ...cut,
        { type: "error", code: "model_invalid", message: "", retryable: true, fatal: true },
        { type: "ended", code: "model_invalid" },
      ),
    },
    heard: [2, 1900, 5600],
  },
  full: { state: { conversation: after({ type: "connecting" }, { type: "ended", code: "queue_full" }) } },
  replaced: { state: { conversation: after(...started, ...first, { type: "ended", code: "replaced" }) } },
  denied: { state: { ...live(listening), microphone: { ...IDLE_MICROPHONE, problem: "denied" } } },
  asking: { state: { microphone: { ...IDLE_MICROPHONE, state: "asking", slow: true }, conversation: after({ type: "connecting" }) } },
  silent: { state: { ...live(listening), microphone: { ...on, trouble: "none" } } },
  echo: { state: { ...live(...first, listening), microphone: { ...on, echo: true } } },
  failed: {
    state: live(
      ...first,
      { type: "transcript", turn: 2, text: "the quick brown", final: true, at: 9000 },
      { type: "error", code: "asr_failed", message: "", retryable: true, fatal: false },
      listening,
    ),
  },
  typed: {
    state: live(
      { type: "typed", text: "how much is twelve times twelve" },
      { type: "reply_started", reply: 1, turn: 1 },
      ...words(1, ["Twelve ", "times ", "twelve ", "is ", "one ", "hundred ", "and ", "forty-four."]),
      { type: "audible", reply: 1, afterMs: 210 },
      { type: "reply_done", reply: 1, reason: "completed", heard_ms: 2800, heard_text: "Twelve times twelve is one hundred and forty-four." },
      listening,
    ),
  },
  chinese: {
    state: live(
      { type: "typed", text: "现在几点了？" },
      { type: "reply_started", reply: 1, turn: 1 },
      ...words(1, ["现在", "是", "下午", "三点", "半。"]),
      { type: "audible", reply: 1, afterMs: 180 },
      { type: "state", state: "speaking" },
    ),
    heard: [1, 900, 2200],
    output: 0.12,
  },
  turns: { state: { ...live(...first, listening), mode: "turns" } },
  holding: { state: { ...live(...first, listening), mode: "turns", talking: "held" }, input: 0.1 },
};
