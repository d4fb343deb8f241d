import { createStore } from "zustand/vanilla";

import { allowed, type Permission, type Role } from "@/generated/permissions";
import { Problem } from "./problem";
import type { Account, Grant } from "./types";

export interface SessionState {
  /** `guest`: nobody is signed in, and this server lets people talk all the same. */
  phase: "starting" | "in" | "guest" | "out" | "unreachable";
  account: Account | null;
}

type Fetch = typeof fetch;

/** Runs one at a time among all tabs of this browser. */
type Alone = <T>(act: () => Promise<T>) => Promise<T>;

/**
 * Who is using this page. The access token lives here, in memory, and nowhere else; what outlives a reload is the
 * refresh cookie, which no script can read.
 */
export class Session {
  readonly store = createStore<SessionState>(() => ({ phase: "starting", account: null }));
  #token: { text: string; freshUntil: number } | null = null;
  #refreshing: Promise<string | null> | null = null;
  #tickets = true;

  constructor(
    readonly fetch: Fetch = (input, init) => globalThis.fetch(input, init),
    readonly alone: Alone = amongTabs,
    readonly now: () => number = Date.now,
  ) {}

  /** At the start of the page, and again after `unreachable`. */
  async begin(): Promise<void> {
    await this.#refresh().catch(() => {
      if (this.store.getState().phase === "starting") this.store.setState({ phase: "unreachable" });
    });
  }

  /** A token that is good for a while; null for a guest. Throws a Problem: signed out, or no answer. */
  async token(): Promise<string | null> {
    if (this.#token !== null && this.#token.freshUntil > this.now()) return this.#token.text;
    if (this.store.getState().phase === "guest") return null;
    return this.#refresh();
  }

  /** The server took the last token for no good: ask for another one, which may end in being signed out. */
  renew(stale: string | null): Promise<string | null> {
    if (this.#token?.text === stale) this.#token = null;
    return this.token();
  }

  /** A line was closed as if nobody were signed in any more: see whether that is so. */
  async doubt(): Promise<void> {
    this.#token = null;
    await this.#refresh().catch(() => undefined);
  }

  /** Once it is known whether this page was signed in before: a cookie that comes must not be overtaken by an older one. */
  async settled(): Promise<void> {
    await this.#refreshing?.catch(() => undefined);
  }

  /** Somebody has signed in. */
  accept({ access_token, expires_in_s, user }: Grant): string {
    this.#tickets = true;
    this.#token = { text: access_token, freshUntil: this.now() + Math.max(5, expires_in_s - EARLY_S) * 1000 };
    this.store.setState({ phase: "in", account: user });
    return access_token;
  }

  /** Their own data has changed. */
  know(account: Account): void {
    if (this.store.getState().phase === "in") this.store.setState({ account });
  }

  /** A ticket for one WebSocket, as a subprotocol; nothing where there are no accounts. Throws a Problem. */
  async ticket(path: string): Promise<string[]> {
    const token = await this.token();
    if (!this.#tickets) return [];
    let response = await this.#post("/api/auth/ticket", { path }, token);
    if (response.status === 401) response = await this.#post("/api/auth/ticket", { path }, await this.renew(token));
    if (!response.ok) throw await Problem.of(response);
    const { ticket } = (await response.json()) as { ticket: string };
    return [`ticket.${ticket}`];
  }

  /** Here, or everywhere. When the server does not answer, this page forgets all the same and the problem is thrown. */
  async signOut(everywhere = false): Promise<void> {
    try {
      const token = await this.token();
      const response = await this.#post(everywhere ? "/api/auth/sign-out-everywhere" : "/api/auth/sign-out", {}, token);
      if (!response.ok && response.status !== 401) throw await Problem.of(response);
    } finally {
      this.forget();
    }
  }

  /** Nobody is signed in on this page any more. */
  forget(): void {
    this.#token = null;
    this.store.setState({ phase: "out", account: null });
  }

  #refresh(): Promise<string | null> {
    this.#refreshing ??= this.alone(() => this.#ask()).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #ask(): Promise<string | null> {
    const response = await this.#post("/api/auth/refresh", {}, null);
    if (response.ok) {
      const grant = (await response.json()) as Grant | null;
      if (grant !== null) return this.accept(grant);
      await this.#nobody(false);
      if (this.store.getState().phase === "guest") return null;
      throw new Problem({ status: 401, code: "refresh_invalid" });
    }
    const problem = await Problem.of(response);
    if (problem.status === 401 || problem.status === 404) await this.#nobody(problem.status === 404);
    if (this.store.getState().phase === "guest") return null;
    throw problem;
  }

  /** Nobody is signed in: a guest where the server lets guests talk, or knows no accounts at all. */
  async #nobody(withoutAccounts: boolean): Promise<void> {
    this.#tickets = !withoutAccounts;
    if (!withoutAccounts && !(await this.#takesGuests())) {
      this.forget();
      return;
    }
    this.#token = null;
    this.store.setState({ phase: "guest", account: null });
  }

  /** What runs here is told to those who may talk, and without a token that can only be guests. */
  async #takesGuests(): Promise<boolean> {
    const response = await this.fetch("/status", { headers: { accept: "application/json" } });
    if (!response.ok) return false;
    const status = (await response.json().catch(() => null)) as { version?: unknown } | null;
    return status?.version !== undefined;
  }

  async #post(path: string, body: object, token: string | null): Promise<Response> {
    try {
      return await this.fetch(path, {
        method: "POST",
        credentials: "same-origin",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          accept: "application/json",
          "content-type": "application/json",
          // No form and no foreign page can send it.
          "x-vivavoce": "1",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
      });
    } catch {
      throw Problem.unreachable();
    }
  }
}

/** A rotated cookie is good once, so two tabs must not ask with the same one. */
const amongTabs: Alone = (act) =>
  // Without https there are no locks; the server bears with a parent token for 10 s.
  "locks" in navigator ? navigator.locks.request("vivavoce.refresh", act) : act();

/** A token is renewed that much before its end. */
const EARLY_S = 45;
const TIMEOUT_MS = 15_000;

/** The one of this page. */
export const session = new Session();

export function may(state: SessionState, permission: Permission): boolean {
  if (state.account === null) return state.phase === "guest" && (permission === "talk" || permission === "apps.read");
  return allowed(state.account.role, permission);
}

export type { Permission, Role };
