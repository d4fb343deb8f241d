import type { Duplex } from "@/generated/wire";
import type { LinkEvent } from "@/shared/sockets/link";
import type { Role } from "@/shared/api/types";
import type { Language } from "@/shared/preferences";
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
  /** Who looks at it; an administrator, where it is left out. */
  role?: Role;
}

const NOW = Date.now();

function after(...events: (LinkEvent | Local)[]): Conversation {
  return events.reduce((state, event) => reduce(state, event, NOW), EMPTY);
}

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

/** What is said in the pictures, in the language that the page is in. */
const DIALOGUE = {
  en: {
    asked: "set a timer for five minutes",
    answered: ["Five ", "minutes, ", "starting ", "now."],
    then: "and what time is it now",
    partly: "and what time",
    long: ["It ", "is ", "half ", "past ", "three ", "in ", "the ", "afternoon, ", "and ", "the ", "timer ", "has ", "four ", "minutes ", "left."],
    heard: "It is half past three",
    interruption: "stop, make it t",
    misheard: "the quick brown",
    typed: "how much is twelve times twelve",
    sum: ["Twelve ", "times ", "twelve ", "is ", "one ", "hundred ", "and ", "forty-four."],
  },
  zh: {
    asked: "设一个五分钟的计时器",
    answered: ["五分钟，", "现在", "开始。"],
    then: "现在几点了",
    partly: "现在几",
    long: ["现在", "是", "下午", "三点", "半，", "计时器", "还", "剩", "四", "分钟", "，", "到", "时间", "我会", "提醒你。"],
    heard: "现在是下午三点半，",
    interruption: "停，改成",
    misheard: "那个什么",
    typed: "十二乘十二等于多少",
    sum: ["十二", "乘", "十二", "等于", "一百", "四十", "四。"],
  },
} satisfies Record<Language, Record<string, string | string[]>>;

const listening: LinkEvent = { type: "state", state: "listening" };

const on: MicrophoneState = {
  ...IDLE_MICROPHONE,
  state: "on",
  info: { label: "Built-in microphone", deviceId: "1", echoCancellation: true, noiseSuppression: true, autoGainControl: true, fellBack: false },
};

/** All pictures, by name. */
export function pictures(language: Language): Record<string, Picture> {
  const say = DIALOGUE[language];
  const started: (LinkEvent | Local)[] = [{ type: "connecting", language }, prepared({ retention: { transcript_days: 30, recording_days: 30 } })];
  /** A first turn, heard to its end. */
  const first: (LinkEvent | Local)[] = [
    { type: "transcript", turn: 1, text: say.asked, final: true, at: 2400 },
    { type: "reply_started", reply: 1, turn: 1 },
    ...words(1, say.answered),
    metrics(1, 420),
    { type: "audible", reply: 1, afterMs: 480 },
    { type: "reply_done", reply: 1, reason: "completed", heard_ms: 1500, heard_text: say.answered.join("") },
  ];

  /** A second one whose reply is sounding. */
  const second: (LinkEvent | Local)[] = [
    ...first,
    { type: "transcript", turn: 2, text: say.then, final: true, at: 9000 },
    { type: "reply_started", reply: 2, turn: 2 },
    ...words(2, say.long),
    metrics(2, 610),
    { type: "audible", reply: 2, afterMs: 690 },
    { type: "state", state: "speaking" },
  ];

  const cut: (LinkEvent | Local)[] = [
    ...second,
    { type: "flush", reply: 2, reason: "interrupted" },
    { type: "reply_done", reply: 2, reason: "interrupted", heard_ms: 1900, heard_text: say.heard },
  ];
  const live = (...events: (LinkEvent | Local)[]): Partial<TalkState> => ({
    microphone: on,
    conversation: after(...started, ...events),
  });

  return {
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
      state: live(...first, listening, { type: "speech_started", at: 7000 }, { type: "transcript", turn: 2, text: say.partly, final: false, at: 8000 }),
      input: 0.12,
    },
    thinking: {
      state: live(...first, { type: "transcript", turn: 2, text: say.then, final: true, at: 9000 }, { type: "state", state: "thinking" }),
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
      state: live(...cut, listening, { type: "speech_started", at: 12_000 }, { type: "transcript", turn: 3, text: say.interruption, final: false, at: 12_800 }),
      heard: [2, 1900, 5600],
      input: 0.1,
    },
    muted: { state: { ...live(...first, listening), muted: true } },
    paused: { state: live(...first, { type: "paused", until: 300 }) },
    reconnecting: {
      state: { ...live(...second, { type: "lost", leftS: 52 }), keptS: 4 },
      heard: [2, 1900, 5600],
    },
    anew: { state: live(...first, { type: "lost", leftS: 52 }, prepared(), { type: "back", resumed: false }) },
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
    refused: { state: { conversation: after({ type: "connecting" }, { type: "ended", code: "unreachable" }) } },
    soundless: { state: { ...live(...first, listening), soundless: true } },
    full: { state: { conversation: after({ type: "connecting" }, { type: "ended", code: "queue_full" }) } },
    replaced: { state: { conversation: after(...started, ...first, { type: "ended", code: "replaced" }) } },
    denied: { state: { ...live(listening), microphone: { ...IDLE_MICROPHONE, problem: "denied" } } },
    asking: { state: { microphone: { ...IDLE_MICROPHONE, state: "asking", slow: true }, conversation: after({ type: "connecting" }) } },
    silent: { state: { ...live(listening), microphone: { ...on, trouble: "none" } } },
    echo: { state: { ...live(...first, listening), microphone: { ...on, echo: true } } },
    failed: {
      state: live(
        ...first,
        { type: "transcript", turn: 2, text: say.misheard, final: true, at: 9000 },
        { type: "error", code: "asr_failed", message: "", retryable: true, fatal: false },
        listening,
      ),
    },
    typed: {
      state: live(
        { type: "typed", text: say.typed },
        { type: "reply_started", reply: 1, turn: 1 },
        ...words(1, say.sum),
        { type: "audible", reply: 1, afterMs: 210 },
        { type: "reply_done", reply: 1, reason: "completed", heard_ms: 2800, heard_text: say.sum.join("") },
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
    consent: { state: live(...first, listening, { type: "recording", state: "ask" }), role: "user" },
    recorded: { state: live(...first, listening, { type: "recording", state: "on" }) },
    unrecorded: { state: live(...first, listening, { type: "recording", state: "paused", reason: "storage_full" }) },
    holding: { state: { ...live(...first, listening), mode: "turns", talking: "held" }, input: 0.1 },
  };
}
