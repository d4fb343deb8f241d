import type {
  Account,
  ApiToken,
  AppBody,
  AppSummary,
  AppVersion,
  AppView,
  AuditEntry,
  ChainState,
  Doctor,
  Grant,
  LiveSession,
  ListPage,
  Role,
  Settings,
  SignIn,
  Statistics,
} from "@/shared/api/types";

/** What a request was answered: a body of the API's own types, or a problem. */
export type Reply = { json: unknown; etag?: string } | { problem: { status: number; code: string; detail?: string; fields?: Record<string, string>; retryAfterS?: number } };
export type Handler = (asked: { path: string; query: URLSearchParams; body: unknown; headers: Headers }) => Reply | Promise<Reply>;

/** A server's API in memory, as `fetch`. Routes are `METHOD /path`, with `*` for one part; the later one wins. */
export class FakeApi {
  readonly #routes = new Map<string, Handler>();
  /** `METHOD /path` of all that was asked, in order. */
  readonly asked: string[] = [];

  on(route: string, handler: Handler | Reply): this {
    this.#routes.set(route, typeof handler === "function" ? handler : () => handler);
    return this;
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(typeof input === "string" || input instanceof URL ? input : input.url, "http://vivavoce.test");
    const method = init?.method ?? "GET";
    this.asked.push(`${method} ${url.pathname}`);
    const handler = [...this.#routes].findLast(([route]) => fits(route, method, url.pathname))?.[1];
    const text = typeof init?.body === "string" ? init.body : "null";
    const reply = await (handler?.({ path: url.pathname, query: url.searchParams, body: JSON.parse(text) as unknown, headers: new Headers(init?.headers) }) ?? NOT_FOUND);
    return answer(reply);
  };
}

const NOT_FOUND: Reply = { problem: { status: 404, code: "not_found" } };

function fits(route: string, method: string, path: string): boolean {
  const [verb = "", shape = ""] = route.split(" ");
  const [want, have] = [shape.split("/"), path.split("/")];
  return verb === method && want.length === have.length && want.every((part, i) => part === "*" || part === have[i]);
}

function answer(reply: Reply): Response {
  if ("problem" in reply) {
    const { status, code, detail = code, fields, retryAfterS } = reply.problem;
    const body = { type: "about:blank", title: code, status, detail, code, request_id: "b7c1f2a09d3e", ...(fields === undefined ? {} : { fields }) };
    const headers = { "content-type": "application/problem+json", ...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }) };
    return new Response(JSON.stringify(body), { status, headers });
  }
  if (reply.json === undefined) return new Response(null, { status: 204 });
  return new Response(JSON.stringify(reply.json), { status: 200, headers: { "content-type": "application/json", ...(reply.etag === undefined ? {} : { etag: reply.etag }) } });
}

// ── things as the API shows them ─────────────────────────────────────────────────────────────────

/** A moment that many minutes ago. */
export function since(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

const id = (n: number): string => n.toString(16).padStart(32, "0");

export function account(role: Role = "admin", change: Partial<Account> = {}): Account {
  return {
    id: id(1),
    name: "ada",
    display_name: "Ada",
    role,
    disabled: false,
    has_password: true,
    recording: null,
    version: 3,
    created_at: since(60_000),
    updated_at: since(600),
    ...change,
  };
}

export function grant(role: Role = "admin", change: Partial<Account> = {}): Grant {
  return { access_token: "token", token_type: "Bearer", expires_in_s: 600, user: account(role, change) };
}

export function list(items: unknown[], next: string | null = null): Reply {
  return { json: { items, next } satisfies ListPage<unknown> };
}

export const USERS: Account[] = [
  account("admin"),
  account("operator", { id: id(2), name: "lin", display_name: "林晓", created_at: since(40_000) }),
  account("user", { id: id(3), name: "max.mustermann", display_name: "Max Mustermann", has_password: false, created_at: since(9000) }),
  account("user", { id: id(4), name: "guest-tablet", display_name: "", disabled: true, created_at: since(4000) }),
  account("viewer", { id: id(5), name: "wall-screen", display_name: "Lobby", has_password: false, created_at: since(300) }),
];

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36";

export const SIGN_INS: SignIn[] = [
  { id: id(11), how: "password", address: "192.168.4.0/24", agent: FIREFOX, created_at: since(700), last_used_at: since(0), expires_at: since(-9000), current: true },
  { id: id(12), how: "link", address: "10.1.0.0/24", agent: PHONE, created_at: since(7000), last_used_at: since(190), expires_at: since(-4000), current: false },
];

export const TOKENS: ApiToken[] = [
  { id: id(21), name: "ci", hint: "vv_3kQ9", role: "operator", scopes: [], created_at: since(9000), expires_at: since(-40_000), last_used_at: since(35) },
  { id: id(22), name: "wall clock in the lab", hint: "vv_pA71", role: "user", scopes: [], created_at: since(200), expires_at: since(-12_000), last_used_at: null },
];

const ACTS: [act: string, kind: string, outcome: string, detail: Record<string, unknown>][] = [
  ["sign_in", "user", "ok", { how: "password" }],
  ["app.change", "app", "ok", { version: 7 }],
  ["sign_in", "user", "refused", {}],
  ["settings.change", "settings", "ok", { key: "turn.patience" }],
  ["words.show", "conversation", "ok", {}],
  ["user.change", "user", "ok", { role: "operator" }],
  ["token.create", "token", "ok", { name: "ci" }],
  ["link.create", "user", "ok", { kind: "sign_in" }],
];

export function auditEntries(count: number): AuditEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const [act, object_kind, outcome, detail] = ACTS[i % ACTS.length] ?? ["sign_in", "user", "ok", {}];
    const who = USERS[i % 3];
    return {
      seq: count - i,
      at: since(i * 37),
      actor_id: outcome === "refused" ? "" : (who?.id ?? ""),
      actor_name: outcome === "refused" ? "" : (who?.name ?? ""),
      actor_role: who?.role ?? "",
      act,
      object_kind,
      object_id: id(900 + i),
      address: i % 2 === 0 ? "192.168.4.0/24" : "2001:db8:77::/56",
      outcome,
      detail,
    };
  });
}

export const WHOLE: ChainState = { whole: true, rows: 4112, vouched_to: 4000, broken_at: null, detail: "" };
export const BROKEN: ChainState = { whole: false, rows: 4112, vouched_to: 4000, broken_at: 4113, detail: "row 4113 does not match" };

const PERSONA: AppBody = {
  name: "Kitchen helper",
  prompt: "You help in a kitchen.\nAnswer in one to three short sentences, without lists.\nMeasures are metric.",
  voice: "en-gb",
  language: "en",
  patience: 1.2,
  tools: null,
  model: null,
  modes: ["turns", "hands_free"],
};

const summary = (change: Partial<AppSummary>): AppSummary => ({
  id: "kitchen-helper",
  name: "Kitchen helper",
  language: "en",
  modes: ["turns", "hands_free"],
  enabled: true,
  version: 7,
  built_in: false,
  updated_at: since(3000),
  ...change,
});

export const APPS: AppSummary[] = [
  summary({ id: "assistant", name: "Assistant", language: null, modes: ["turns", "hands_free", "camera"], version: 0, built_in: true }),
  summary({}),
  summary({ id: "front-desk", name: "前台", language: "zh", enabled: false, version: 2, updated_at: since(90) }),
];

export const APP: AppView = { ...summary({}), ...PERSONA };

export const VERSIONS: AppVersion[] = [7, 6, 5].map((version) => ({
  version,
  body: version === 7 ? PERSONA : { ...PERSONA, patience: 1, prompt: "You help in a kitchen.\nAnswer briefly.\nMeasures are metric." },
  created_at: since((8 - version) * 3000),
  created_by: id(1),
}));

export const SETTINGS: Settings = {
  version: 4,
  items: [
    setting("talk.language", "en", { type: "text, such as en or zh", text: "Language of the conversation, a primary tag such as `en` or `zh`.", choices: ["en", "zh"], effect: "now", changeable: true }),
    setting("talk.system_prompt", "You are a helpful voice assistant. Your words are spoken aloud: answer in one to three short sentences.", { type: "text", text: "What a language model is told before the conversation.", effect: "now", changeable: true }),
    setting("turn.patience", 1.2, { saved: 1.2, is_saved: true, default: 1, origin: "console", type: "number, 0.5–3", minimum: 0.5, maximum: 3, text: "Factor on all waits below: above 1 for people who think while they speak.", effect: "now", changeable: true }),
    setting("turn.preempt", true, { type: "yes or no", text: "Prepare the reply at the first plausible end of speech; nothing of it is heard before the turn is over.", effect: "restart", changeable: true }),
    setting("server.port", 8006, { origin: "file", where: "vivavoce.yaml:14", type: "whole number, 0–65535", text: "TCP port for pages and sockets; 0 takes any free one." }),
    setting("server.hosts", [], { type: "list of texts", text: "Further names in the `Host` header that are answered, besides loopback's own." }),
    setting("openai.api_key", "***", { origin: "environment", where: "OPENAI_API_KEY", type: "secret", text: "Its key." }),
  ],
};

function setting(key: string, value: Settings["items"][number]["value"], change: Partial<Settings["items"][number]>): Settings["items"][number] {
  return { key, value, saved: value, is_saved: false, default: value, type: "", choices: null, minimum: null, maximum: null, text: "", origin: "default", where: "", effect: "fixed", changeable: false, ...change };
}

export const DOCTOR: Doctor = {
  well: false,
  version: "0.3.0",
  python: "3.11.9",
  system: "Linux x86_64",
  file: "/etc/vivavoce/vivavoce.yaml",
  in_use: [
    { kind: "vad", name: "silero", detail: "1.9 ms a frame", problem: null },
    { kind: "asr", name: "pocketsphinx", detail: "commands of the skills only, English", problem: null },
    { kind: "llm", name: "ollama", detail: "", problem: "No answer from http://127.0.0.1:11434 in 2 s. Skills answer instead." },
    { kind: "tts", name: "espeak", detail: "en, zh", problem: null },
  ],
  checks: [
    { name: "database", well: true, detail: "SQLite, 14 MB, write-ahead log" },
    { name: "disk", well: true, detail: "212 GB free" },
  ],
  missing: [{ missing: "A recognition model for Chinese", adds: "spoken Chinese", how: "asr: { kind: openai, base_url: http://127.0.0.1:8000/v1 }" }],
};

export const SESSIONS: LiveSession[] = [
  { owner: id(3), owner_name: "max.mustermann", id: "k3v9a0qx", conversation: id(71), gateway: "lab-1", kind: "duplex", app: "kitchen-helper", language: "en", channel: "web", turns: 9, started_at: since(12), seen_at: since(0) },
  { owner: id(2), owner_name: "lin", id: "p0z8b1ww", conversation: id(72), gateway: "lab-2", kind: "streaming", app: "", language: "zh", channel: "web", turns: 2, started_at: since(2), seen_at: since(0) },
];

/** A day of which the small hours were silent. */
export function statistics(hours: number): Statistics {
  const hour = 3_600_000;
  const until = Math.floor(Date.now() / hour) * hour;
  const items = Array.from({ length: hours }, (_, i) => {
    const busy = Math.max(0, Math.sin(((i % 24) - 5) / 5.5)) * 18;
    return {
      at: new Date(until - (hours - 1 - i) * hour).toISOString(),
      conversations: Math.round(busy),
      turns: Math.round(busy * 6.3),
      people: Math.ceil(busy / 3),
      cuts: Math.round(busy * 0.7),
      errors: i % 9 === 4 ? 2 : 0,
      response_p50_ms: Math.round(430 + busy * 9 + (i % 5) * 11),
      response_p95_ms: Math.round(610 + busy * 21 + (i % 7) * 23),
    };
  }).filter(({ conversations }) => conversations > 0);
  return { since: new Date(until - (hours - 1) * hour).toISOString(), until: new Date(until).toISOString(), by: "hour", items };
}

/** A server on which all is well. */
export function wellServer(role: Role = "admin"): FakeApi {
  return new FakeApi()
    .on("POST /api/auth/refresh", { json: grant(role) })
    .on("POST /api/auth/ticket", { json: { ticket: "t".repeat(43), expires_in_s: 30 } })
    .on("GET /health", { json: { status: "ok" } })
    .on("GET /api/me", { json: { user: account(role) } })
    .on("GET /api/me/sign-ins", list(SIGN_INS))
    .on("GET /api/me/tokens", list(TOKENS))
    .on("POST /api/me/tokens", { json: { ...TOKENS[0], token: "vv_3kQ9xY0pLm2Zt8Rr1Bc5Nn7Vv4Ww6Aa9Dd0Ff3Gg" } })
    .on("GET /api/users", ({ query }) => {
      const words = query.get("q") ?? "";
      return list(USERS.filter(({ name, display_name }) => `${name} ${display_name}`.toLowerCase().includes(words.toLowerCase())));
    })
    .on("GET /api/users/*/sign-ins", list(SIGN_INS.map((each) => ({ ...each, current: false }))))
    .on("POST /api/users/*/link", { json: { link: "http://127.0.0.1:8006/sign-in#link=5Jx0nQk2v8Wb7ZcT4mY1rLd6pHs9fGa3uEo_iXqRtVw", expires_at: since(-15) } })
    .on("GET /api/audit", list(auditEntries(100), null))
    .on("GET /api/audit/chain", { json: WHOLE })
    .on("GET /api/apps", list(APPS))
    .on("GET /api/apps/*", { json: APP, etag: '"7"' })
    .on("GET /api/apps/*/versions", list(VERSIONS))
    .on("GET /api/settings", { json: SETTINGS })
    .on("GET /api/doctor", { json: DOCTOR })
    .on("GET /api/sessions", list(SESSIONS))
    .on("GET /api/statistics", { json: statistics(24) });
}
