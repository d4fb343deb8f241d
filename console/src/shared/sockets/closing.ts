import { ERRORS, type ErrorCode } from "@/generated/wire";

/** What to do after a socket has closed. */
export type AfterClose = { do: "end"; code: string } | { do: "retry"; afterMs: number };

export interface Closed {
  close: number;
  /** `error.code` before the close, or the reason that came with it. */
  code: string;
  retryAfterS: number | null;
  /** Attempts since a socket was last open; 0 at the first. */
  attempt: number;
  /** Whether the session had begun: only then is there anything to go back to. */
  began: boolean;
}

/** The table of close codes. `random` in [0, 1). */
export function afterClose(closed: Closed, random: number): AfterClose {
  const retry = (afterMs: number): AfterClose => ({ do: "retry", afterMs });
  const end: AfterClose = { do: "end", code: closed.code || String(closed.close) };
  switch (closed.close) {
    case 1000:
    case 1001:
    case 1008:
    case 1009:
      return end;
    case 1011:
      return closed.attempt === 0 && closed.began ? retry(1000 + 2000 * random) : end;
    case 1012:
      return retry(200 + 1800 * random);
    case 1013:
      // Nobody waits unasked for a place: the reason is shown at once, with a button.
      if (!closed.began) return end;
      return retry(Math.min(60, (closed.retryAfterS ?? 1) * 2 ** closed.attempt) * 1000 * (0.75 + random / 2));
    default:
      // A refused upgrade looks like a lost line: whoever was never let in hears soon that nobody opens.
      if (!closed.began && closed.attempt >= MOST_KNOCKS) return { do: "end", code: "unreachable" };
      return retry(backoff(closed.attempt, random));
  }
}

/** Attempts before a session has begun: about two seconds. */
const MOST_KNOCKS = 3;

/** 0.25 s doubling to 4 s, give or take a quarter. */
export function backoff(attempt: number, random: number): number {
  return Math.min(4000, 250 * 2 ** Math.min(attempt, 10)) * (0.75 + random / 2);
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
