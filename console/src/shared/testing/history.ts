import { aTurn } from "@/shared/replay/samples";
import type { Conversation, ConversationDetail, Inspection, Peaks, Turn } from "@/shared/replay/types";
import { list, since, type FakeApi } from "./api";

const id = (n: number): string => n.toString(16).padStart(32, "0");

const conversation = (change: Partial<Conversation> = {}): Conversation => ({
  id: id(500),
  owner_id: id(1),
  owner_name: null,
  app_id: "kitchen-helper",
  app_version: 7,
  channel: "web",
  kind: "duplex",
  language: "en",
  state: "closed",
  title: "set a timer for five minutes",
  turns: 6,
  cuts: 1,
  response_ms: 510,
  started_at: since(60),
  last_at: since(55),
  ended_at: since(55),
  end_reason: "stopped",
  recorded: true,
  matches: [],
  ...change,
});

export const CONVERSATIONS: Conversation[] = [
  conversation({ id: id(501), state: "open", turns: 2, cuts: 0, started_at: since(2), title: "what can you do" }),
  conversation(),
  conversation({ id: id(502), language: "zh", title: "现在几点了", turns: 1, cuts: 0, response_ms: 430, started_at: since(3000), app_id: "front-desk" }),
  conversation({ id: id(503), title: "good night", turns: 1, cuts: 0, response_ms: null, recorded: false, started_at: since(9000) }),
];

const words = (text: string, from: number, heard: number) => {
  let start = 0;
  return text.split(/(?<= )/u).map((word, i) => {
    const found = { text: word, start, from_ms: from + i * 300, heard: i < heard };
    start += word.length;
    return found;
  });
};

const stages = [
  { name: "asr", start: -400, end: 120, backend: "whisper small", input: "sound", output: "said", error: "" },
  { name: "endpoint", start: 0, end: 260, backend: "", input: "sound", output: "sound", error: "" },
  { name: "llm", start: 90, end: 330, backend: "qwen3 4b", input: "said", output: "reply", error: "" },
  { name: "tts", start: 300, end: 455, backend: "espeak", input: "reply", output: "sound", error: "" },
];

export const TURNS: Turn[] = [
  aTurn({ said: "set a timer for five minutes", heard: "Five minutes, starting now.", words: words("Five minutes, starting now.", 2500, 4), said_from_ms: 0, said_to_ms: 2000, heard_from_ms: 2500, heard_to_ms: 3700, response_ms: 480, stages }),
  aTurn({ reply: 2, said: "and what time is it", heard: "It is half ", unheard: "past three.", reason: "interrupted", words: words("It is half past three.", 7600, 3), said_from_ms: 5000, said_to_ms: 7000, heard_from_ms: 7600, heard_to_ms: 8500, response_ms: 590, stages }),
  aTurn({ reply: 3, said: "stop, make it ten", typed: true, heard: "Ten minutes.", words: [], response_ms: 310, stages: stages.slice(2) }),
  aTurn({ reply: 4, said: "the quick brown", said_from_ms: 12_000, said_to_ms: 13_000, reason: "failed", stages: [{ name: "asr", start: -400, end: 8000, backend: "whisper small", input: "sound", output: "said", error: "asr_failed" }] }),
];

export const DETAIL: ConversationDetail = {
  ...conversation({ turns: 4 }),
  words: true,
  recordings: [{ id: id(601), state: "ready", from_ms: 0, duration_ms: 9000, size: 20_000, expires_at: since(-40_000) }],
  shares: [],
};

const opened = (turn: Turn): Inspection => ({
  turn,
  steps: turn.stages.map(({ input, output, ...stage }) => ({ ...stage, input: null, output: output === "said" ? turn.said : null, input_kind: input, output_kind: output })),
  clips: turn.said_from_ms === null ? [] : [{ side: "in", recording: id(601), from_ms: turn.said_from_ms, to_ms: turn.said_to_ms ?? 0 }],
});

const peaks: Peaks = {
  recording: id(601),
  from_ms: 0,
  duration_ms: 9000,
  step_ms: 50,
  channels: 2,
  data: btoa(
    Array.from({ length: 180 }, (_, i) => {
      const [you, reply] = [i < 40 || (i >= 100 && i < 140), (i >= 50 && i < 74) || (i >= 152 && i < 170)];
      const loud = 40 + ((i * 53) % 130);
      return String.fromCharCode(you ? loud : 2, reply ? loud : 0);
    }).join(""),
  ),
};

export const SHARED_SECRET = "5Jx0nQk2v8Wb7ZcT4mY1rLd6pHs9fGa3uEo_iXqRtVw";

/** What was kept, on a server in memory. */
export function withHistory(api: FakeApi): FakeApi {
  return api
    .on("GET /api/conversations", { json: { items: CONVERSATIONS, next: null, search: "on" } })
    .on("GET /api/conversations/*", { json: DETAIL })
    .on("GET /api/conversations/*/turns", list(TURNS))
    .on("GET /api/conversations/*/turns/*", ({ path }) => ({ json: opened(TURNS.find(({ reply }) => path.endsWith(`/${reply}`)) ?? aTurn()) }))
    .on("GET /api/conversations/*/peaks", { json: peaks })
    .on("GET /api/conversations/*/shares", list([{ id: id(701), created_at: since(900), expires_at: since(-9000), revoked_at: null, views: 3 }, { id: id(702), created_at: since(9000), expires_at: since(-900), revoked_at: since(60), views: 0 }]));
}
