import { account, BROKEN, DOCTOR, list, wellServer, type FakeApi, type Reply } from "@/shared/testing/api";
import { DETAIL, withHistory } from "@/shared/testing/history";
import type { Role } from "@/shared/api/types";

/** One picture of a page: its address, who looks at it, and what the server answers. */
export interface PagePicture {
  at: string;
  /** Null: nobody is signed in. */
  role: Role | null;
  api: FakeApi;
  /** Opened by a click on this before the picture is taken. */
  press?: string[];
}

const AWAY: Reply = { problem: { status: 503, code: "storage_unavailable" } };
const never: () => Promise<Reply> = () => new Promise(() => undefined);

export const PAGES: Record<string, () => PagePicture> = {
  "signin": () => ({ at: "/sign-in", role: null, api: nobody() }),
  "signin-used": () => ({ at: "/sign-in#link=5Jx0nQk2v8Wb7ZcT4mY1rLd6pHs9fGa3uEo_iXqRtVw", role: null, api: nobody().on("POST /api/auth/link", { problem: { status: 401, code: "link_invalid" } }) }),
  "signin-reset": () => ({ at: "/sign-in#link=5Jx0nQk2v8Wb7ZcT4mY1rLd6pHs9fGa3uEo_iXqRtVw", role: null, api: nobody().on("POST /api/auth/link", { problem: { status: 422, code: "password_needed" } }) }),
  "users": () => ({ at: "/users", role: "admin", api: wellServer() }),
  "users-first": () => ({ at: "/users", role: "admin", api: wellServer().on("GET /api/users", list([account()])) }),
  "users-none": () => ({ at: "/users?search=zzz", role: "admin", api: wellServer() }),
  "users-failed": () => ({ at: "/users", role: "admin", api: wellServer().on("GET /api/users", AWAY) }),
  "users-loading": () => ({ at: "/users", role: "admin", api: wellServer().on("GET /api/users", never) }),
  "users-forbidden": () => ({ at: "/users", role: "user", api: wellServer("user") }),
  "users-menu": () => ({ at: "/users", role: "admin", api: wellServer(), press: ["tbody tr:nth-child(2) [aria-haspopup=menu]"] }),
  "users-invite": () => ({ at: "/users", role: "admin", api: wellServer(), press: ["[aria-keyshortcuts=I]"] }),
  "users-link": () => ({ at: "/users", role: "admin", api: wellServer(), press: ["tbody tr:nth-child(2) [aria-haspopup=menu]", "[role=menuitem]"] }),
  "users-sign-ins": () => ({ at: "/users", role: "admin", api: wellServer(), press: ["tbody tr:nth-child(2) [aria-haspopup=menu]", "[role=menuitem]:nth-child(3)"] }),
  "audit": () => ({ at: "/audit", role: "admin", api: wellServer() }),
  "audit-none": () => ({ at: "/audit?what=share.", role: "admin", api: wellServer().on("GET /api/audit", list([])) }),
  "audit-broken": () => ({ at: "/audit", role: "admin", api: wellServer().on("GET /api/audit/chain", { json: BROKEN }) }),
  "apps": () => ({ at: "/apps", role: "admin", api: wellServer() }),
  "app": () => ({ at: "/apps/kitchen-helper", role: "admin", api: wellServer() }),
  "app-new": () => ({ at: "/apps/new", role: "admin", api: wellServer() }),
  "app-versions": () => ({ at: "/apps/kitchen-helper?tab=versions", role: "admin", api: wellServer() }),
  "settings-mine": () => ({ at: "/settings/mine", role: "user", api: wellServer("user") }),
  "settings-access": () => ({ at: "/settings/access", role: "admin", api: wellServer() }),
  "settings-server": () => ({ at: "/settings/server", role: "admin", api: wellServer() }),
  "settings-doctor": () => ({ at: "/settings/doctor", role: "admin", api: wellServer() }),
  "settings-well": () => ({ at: "/settings/doctor", role: "admin", api: wellServer().on("GET /api/doctor", { json: { ...DOCTOR, well: true, missing: [], in_use: DOCTOR.in_use.map((part) => ({ ...part, problem: null })) } }) }),
  "history": () => ({ at: "/history", role: "operator", api: kept() }),
  "history-first": () => ({ at: "/history", role: "user", api: kept().on("GET /api/conversations", { json: { items: [], next: null, search: "on" } }) }),
  "history-none": () => ({ at: "/history?q=zzz", role: "user", api: kept().on("GET /api/conversations", { json: { items: [], next: null, search: "on" } }) }),
  "history-loading": () => ({ at: "/history", role: "user", api: kept().on("GET /api/conversations", never) }),
  "history-failed": () => ({ at: "/history", role: "user", api: kept().on("GET /api/conversations", AWAY) }),
  "history-forbidden": () => ({ at: "/history", role: "viewer", api: kept() }),
  "replay": () => ({ at: `/history/${DETAIL.id}`, role: "user", api: kept() }),
  "replay-open": () => ({ at: `/history/${DETAIL.id}`, role: "user", api: kept().on("GET /api/conversations/*", { json: { ...DETAIL, state: "open", recordings: [] } }) }),
  "replay-others": () => ({ at: `/history/${DETAIL.id}`, role: "operator", api: kept().on("GET /api/conversations/*", { json: { ...DETAIL, owner_id: "9".repeat(32), owner_name: "max", title: null, words: false } }) }),
  "replay-turn": () => ({ at: `/history/${DETAIL.id}/turns/2`, role: "user", api: kept() }),
  "replay-turn-failed": () => ({ at: `/history/${DETAIL.id}/turns/4`, role: "user", api: kept() }),
  "replay-missing": () => ({ at: `/history/${DETAIL.id}`, role: "user", api: kept().on("GET /api/conversations/*", { problem: { status: 404, code: "not_found" } }) }),
  "live": () => ({ at: "/live", role: "operator", api: wellServer("operator") }),
  "live-nobody": () => ({ at: "/live", role: "viewer", api: wellServer("viewer").on("GET /api/sessions", list([])) }),
  "you-menu": () => ({ at: "/apps", role: "admin", api: wellServer(), press: [".you"] }),
  "keys": () => ({ at: "/users", role: "admin", api: wellServer(), press: ["[aria-label='Keys and help'], [aria-label='按键与帮助']"] }),
  "missing": () => ({ at: "/nothing-here", role: "admin", api: wellServer() }),
};

function nobody(): FakeApi {
  return wellServer()
    .on("POST /api/auth/refresh", { json: null })
    .on("GET /status", { json: { state: "ok" } });
}

function kept(): FakeApi {
  return withHistory(wellServer());
}
