import { newSessionId } from "./transport";

/** Each socket's sessions are its own: one cannot go on with the other's. */
export type SessionKind = "duplex" | "streaming";

/** Where a session can be gone on with after a reload of the page. */
export interface ResumeStore {
  load(kind: SessionKind): Kept | null;
  save(kind: SessionKind, kept: Kept | null): void;
}

export interface Kept {
  session: string;
  token: string;
}

/** The id of a session and the token that opens it again: good once, and each `prepared` brings the next. */
export class Resumption {
  #session: string;
  #token: string | null;

  constructor(
    readonly kind: SessionKind,
    readonly store: ResumeStore,
  ) {
    const kept = store.load(kind);
    this.#session = kept?.session ?? newSessionId();
    this.#token = kept?.token ?? null;
  }

  /** The path of the socket. */
  get path(): string {
    return `/ws/${this.kind}/${this.#session}`;
  }

  /** What the first message says of it. */
  get claim(): { resume?: string } {
    return this.#token === null ? {} : { resume: this.#token };
  }

  prepared({ session_id, resume }: { session_id: string; resume: string }): void {
    this.#session = session_id;
    this.#token = resume;
    this.store.save(this.kind, { session: session_id, token: resume });
  }

  /** After `session_in_use`: a stale token opens nothing any more, a new session does. */
  forget(): void {
    this.#session = newSessionId();
    this.#token = null;
    this.over();
  }

  /** The session is over, and a reload need not look for it. */
  over(): void {
    this.store.save(this.kind, null);
  }
}
