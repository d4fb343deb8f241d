import type { Duplex, Streaming } from "@/generated/wire";
import type { LinkEvent } from "@/shared/sockets/link";

/** One turn as the transcript shows it. */
export interface Turn {
  key: number;
  /** What it was spoken in. */
  language: string;
  /** The page's number of it; null while only this page knows of it (typed, not yet answered). */
  turn: number | null;
  said: { text: string; final: boolean; typed: boolean } | null;
  /** ms of the session's sound at which the person had finished. */
  endedAt: number | null;
  reply: Reply | null;
  metrics: Duplex.Metrics | null;
  /** From the end of speech to the first sound out of the loudspeaker, both on this page's clock. */
  audibleMs: number | null;
  problem: { code: string; message: string } | null;
}

export interface Reply {
  number: number;
  text: string;
  /** Samples at which the words from `start` of the text on sound, where the voice tells. */
  marks: { start: number; at: number }[];
  done: Duplex.ReplyDone["reason"] | null;
  /** What the server counts as heard; null while it sounds, or when only this page knows. */
  heardText: string | null;
  gaps: number;
}

export interface Conversation {
  line: "off" | "connecting" | "up" | "lost" | "ended";
  turns: Turn[];
  server: Duplex.State["state"] | null;
  /** The person is speaking. */
  hearing: boolean;
  ducked: number | null;
  held: boolean;
  /** A reply has just been cut. */
  interrupted: boolean;
  queue: Queue | null;
  prepared: Duplex.Prepared | null;
  /** Whether sound is kept now, and why not where that is not the person's own choice. */
  recording: Pick<Duplex.Recording, "state" | "reason"> | null;
  /** Wall clock, ms. */
  keptUntil: number | null;
  pausedUntil: number | null;
  /** The line has just come back, into the same session or into a new one. */
  cameBack: "resumed" | "anew" | null;
  endedBy: string | null;
  endedMessage: string | null;
  nextKey: number;
  /** What is spoken in the running session. */
  language: string;
}

export interface Queue {
  position: number;
  length: number;
  etaS: number;
  range: [number, number];
  /** The wait has grown since the last estimate. */
  longer: boolean;
}

export const EMPTY: Conversation = {
  line: "off",
  turns: [],
  server: null,
  hearing: false,
  ducked: null,
  held: false,
  interrupted: false,
  queue: null,
  prepared: null,
  recording: null,
  keptUntil: null,
  pausedUntil: null,
  cameBack: null,
  endedBy: null,
  endedMessage: null,
  nextKey: 1,
  language: "en",
};

export type Local =
  | { type: "connecting"; language?: string }
  | { type: "typed"; text: string }
  | { type: "audible"; reply: number; afterMs: number | null }
  | { type: "gap"; reply: number }
  | { type: "settle" }
  | { type: "closed" };

/** What the page shows after an event. `now` is the wall clock in ms; nothing else is read. */
export function reduce(state: Conversation, event: LinkEvent | Local, now: number): Conversation {
  switch (event.type) {
    case "connecting":
      return { ...atRest(state), language: event.language ?? state.language, line: "connecting", endedBy: null, endedMessage: null, prepared: null };
    case "queued":
    case "queue_update":
      return { ...state, queue: queue(state.queue, event) };
    case "queue_done":
      return { ...state, queue: null };
    case "prepared":
      return { ...(event.resumed ? state : cutShort(atRest(state))), line: "up", queue: null, prepared: event, recording: { state: event.retention.recording ?? "off" }, keptUntil: null, endedBy: null };
    case "recording":
      return { ...state, recording: event };
    case "back":
      return { ...state, line: "up", keptUntil: null, cameBack: event.resumed ? "resumed" : "anew" };
    case "lost":
      return { ...state, line: "lost", keptUntil: now + event.leftS * 1000, cameBack: null, hearing: false };
    case "ended":
      return { ...cutShort(atRest(state)), line: state.line === "off" ? "off" : "ended", endedBy: event.code };
    case "closed":
      return { ...cutShort(atRest(state)), line: "off", endedBy: null, endedMessage: null };
    case "stopped":
      return { ...state, endedBy: event.reason };
    case "settle":
      return { ...state, interrupted: false, cameBack: null };
    case "paused":
      return { ...state, pausedUntil: event.until === undefined ? now : now + event.until * 1000 };
    case "resumed":
      return { ...state, pausedUntil: null };
    case "error":
      return failed(state, event);
    default:
      return turnTaking(state, event);
  }
}

type TurnEvent = Exclude<
  LinkEvent | Local,
  { type: "connecting" | "queued" | "queue_update" | "queue_done" | "prepared" | "back" | "lost" | "ended" | "closed" }
  | { type: "stopped" | "settle" | "paused" | "resumed" | "error" | "recording" }
>;

function turnTaking(state: Conversation, event: TurnEvent): Conversation {
  switch (event.type) {
    case "state":
      return {
        ...state,
        server: event.state,
        hearing: event.state === "listening" ? state.hearing : false,
        pausedUntil: event.state === "paused" ? state.pausedUntil : null,
      };
    case "speech_started":
      return { ...state, hearing: true };
    case "speech_ended":
      return onNewest({ ...state, hearing: false }, (turn) => (turn.reply === null ? { ...turn, endedAt: event.at } : turn));
    case "transcript":
      return transcribed(state, event);
    case "typed":
      return append(state, { said: { text: event.text, final: true, typed: true } });
    case "reply_started":
      return replied(state, event);
    case "metrics":
      return mapTurns(state, (turn) => (turn.turn === event.turn ? { ...turn, metrics: event } : turn));
    case "duck":
      return { ...state, ducked: event.gain < 1 ? event.gain : null };
    case "hold":
      return { ...state, held: true };
    case "release":
      return { ...state, held: false, ducked: null };
    case "flush":
      return { ...state, held: false, ducked: null, interrupted: event.reason === "interrupted" };
    case "expression":
      return state;
    default:
      return ofReply(state, event);
  }
}

type ReplyEvent = Extract<TurnEvent, { type: "text" | "reply_done" | "cut" | "audible" | "gap" }>;

function ofReply(state: Conversation, event: ReplyEvent): Conversation {
  if (event.type === "text" && !("reply" in event)) return state;
  return mapTurns(state, (turn) => {
    const { reply } = turn;
    if (reply?.number !== event.reply) return turn;
    switch (event.type) {
      case "text":
        return { ...turn, reply: spoken(reply, event) };
      case "reply_done":
        return { ...turn, reply: { ...reply, done: event.reason, heardText: event.heard_text } };
      case "cut":
        return { ...turn, reply: { ...reply, done: reply.done ?? "failed" } };
      case "audible":
        return { ...turn, audibleMs: turn.audibleMs ?? event.afterMs };
      case "gap":
        return { ...turn, reply: { ...reply, gaps: reply.gaps + 1 } };
    }
  });
}

function spoken(reply: Reply, { delta, at }: Duplex.ReplyText): Reply {
  const marks = at === undefined ? reply.marks : [...reply.marks, { start: reply.text.length, at }];
  return { ...reply, text: reply.text + delta, marks };
}

function transcribed(state: Conversation, event: Duplex.Transcript): Conversation {
  const said = { text: event.text, final: event.final, typed: false };
  const known = state.turns.findLast((turn) => turn.turn === event.turn);
  if (known === undefined) {
    // The server may say typed words back with their number.
    const typed = state.turns.at(-1);
    if (typed?.turn === null && typed.said?.typed === true && typed.said.text === event.text)
      return onNewest(state, (turn) => ({ ...turn, turn: event.turn }));
    return event.text === "" ? state : append(state, { turn: event.turn, said, endedAt: event.final ? event.at : null });
  }
  if (known.said?.typed === true) return state;
  // Nothing was understood in the end: a line of guesses that came to nothing is not kept.
  if (event.final && event.text === "" && known.reply === null)
    return { ...state, turns: state.turns.filter((turn) => turn !== known) };
  return mapTurns(state, (turn) =>
    turn === known ? { ...turn, said, endedAt: event.final ? event.at : turn.endedAt } : turn,
  );
}

function replied(state: Conversation, event: Duplex.ReplyStarted): Conversation {
  const reply: Reply = {
    number: event.reply,
    text: "",
    marks: [],
    done: null,
    heardText: null,
    gaps: 0,
  };
  const fresh: Conversation = { ...state, ducked: null, held: false, interrupted: false };
  const own = state.turns.findLast((turn) => turn.turn === event.turn && turn.reply === null);
  const typed = state.turns.findLast((turn) => turn.turn === null && turn.reply === null);
  const target = own ?? typed;
  if (target === undefined) return append(fresh, { turn: event.turn, reply });
  const number = event.turn >= 0 ? event.turn : target.turn;
  return mapTurns(fresh, (turn) => (turn === target ? { ...turn, turn: number, reply, problem: null } : turn));
}

function failed(state: Conversation, event: Duplex.Error): Conversation {
  if (event.fatal) return { ...state, endedBy: event.code, endedMessage: event.message };
  const problem = { code: event.code, message: event.message };
  const newest = state.turns.at(-1);
  if (newest?.problem !== null || newest.reply?.done === "completed") return append(state, { problem });
  return onNewest(state, (turn) => ({ ...turn, problem }));
}

function queue(before: Queue | null, { position, length, eta_s, eta_range_s }: Duplex.Queued | Duplex.QueueUpdate): Queue {
  const longer = before !== null && position <= before.position && eta_s > before.etaS * 1.2 + 1;
  return { position, length, etaS: eta_s, range: eta_range_s, longer };
}

/** Nothing is going on any more. */
function atRest(state: Conversation): Conversation {
  return { ...state, server: null, recording: null, hearing: false, ducked: null, held: false, interrupted: false, queue: null, pausedUntil: null, keptUntil: null };
}

/** Replies that nobody will finish. */
function cutShort(state: Conversation): Conversation {
  return mapTurns(state, (turn) =>
    turn.reply?.done === null ? { ...turn, reply: { ...turn.reply, done: "stopped" } } : turn,
  );
}

function append(state: Conversation, turn: Partial<Turn>): Conversation {
  const blank: Turn = {
    key: state.nextKey,
    language: state.language,
    turn: null,
    said: null,
    endedAt: null,
    reply: null,
    metrics: null,
    audibleMs: null,
    problem: null,
  };
  const turns = [...state.turns, { ...blank, ...turn }];
  // A page that is open for days: the oldest lines go, the server keeps the conversation.
  return { ...state, nextKey: state.nextKey + 1, turns: turns.slice(-MOST_TURNS) };
}

function mapTurns(state: Conversation, change: (turn: Turn) => Turn): Conversation {
  return { ...state, turns: state.turns.map(change) };
}

function onNewest(state: Conversation, change: (turn: Turn) => Turn): Conversation {
  const last = state.turns.length - 1;
  return { ...state, turns: state.turns.map((turn, i) => (i === last ? change(turn) : turn)) };
}

/** What a new turn-based session is told: a prompt of one's own, what was said, and what was heard. */
export function history(state: Conversation, prompt?: string): Streaming.ChatMessage[] {
  const told = state.turns.slice(-MOST_TOLD).flatMap(({ said, reply }) => {
    const messages: Streaming.ChatMessage[] = [];
    if (reply === null) return messages;
    const heard = reply.done === null ? "" : (reply.heardText ?? reply.text);
    if (heard === "") return messages;
    if (said?.final === true && said.text !== "") messages.push({ role: "user", content: said.text });
    messages.push({ role: "assistant", content: heard });
    return messages;
  });
  return prompt === undefined || prompt === "" ? told : [{ role: "system", content: prompt }, ...told];
}

const MOST_TURNS = 500;
/** The protocol takes 256 messages at once. */
const MOST_TOLD = 100;
