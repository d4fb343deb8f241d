import { Problem } from "./problem";
import { session, type Session } from "./session";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Query = Record<string, string | number | boolean | undefined>;

export interface Ask {
  query?: Query;
  body?: unknown;
  /** The version that this change is made to: `If-Match`. */
  etag?: string | null;
  /** Of a create: the same key twice makes one thing. */
  key?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
}

/** Calls of the API with the token of this page; a token that is no good any more is renewed once. Throws Problems. */
export class Client {
  constructor(readonly session: Session) {}

  async ask<T>(method: Method, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const token = await this.session.token();
    let response = await this.#send(method, path, ask, token);
    if (response.status === 401) response = await this.#send(method, path, ask, await this.session.renew(token));
    if (!response.ok) throw await Problem.of(response);
    const data: unknown = response.status === 204 ? undefined : await response.json();
    return { data: data as T, etag: response.headers.get("etag") };
  }

  /** What is no JSON: an export, a sound. */
  async file(path: string, query: Query = {}): Promise<Blob> {
    const token = await this.session.token();
    let response = await this.#send("GET", path, { query }, token, LONG_MS);
    if (response.status === 401) response = await this.#send("GET", path, { query }, await this.session.renew(token), LONG_MS);
    if (!response.ok) throw await Problem.of(response);
    return response.blob();
  }

  async #send(method: Method, path: string, ask: Ask, token: string | null, timeoutMs = TIMEOUT_MS): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    if (ask.body !== undefined) headers["content-type"] = "application/json";
    if (ask.etag !== undefined && ask.etag !== null) headers["if-match"] = ask.etag;
    if (ask.key !== undefined) headers["idempotency-key"] = ask.key;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await this.session.fetch(path + written(ask.query), {
        method,
        headers,
        credentials: "same-origin",
        signal: ask.signal === undefined ? timeout : AbortSignal.any([ask.signal, timeout]),
        ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      });
    } catch (error) {
      if (ask.signal?.aborted === true) throw error;
      throw Problem.unreachable();
    }
  }
}

function written(query: Query | undefined): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== "") params.set(name, String(value));
  return params.size === 0 ? "" : `?${params}`;
}

/** For one attempt to create something, however often it is sent. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const TIMEOUT_MS = 15_000;
const LONG_MS = 120_000;

export const client = new Client(session);

export const get = async <T>(path: string, ask?: Ask): Promise<T> => (await client.ask<T>("GET", path, ask)).data;
export const post = async <T>(path: string, ask?: Ask): Promise<T> => (await client.ask<T>("POST", path, ask)).data;
