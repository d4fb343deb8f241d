import type { Turn } from "./types";

/** A turn of which nothing is known but what a test says. */
export function aTurn(change: Partial<Turn> = {}): Turn {
  return {
    reply: 1,
    state: "done",
    reason: "completed",
    language: "en",
    typed: false,
    said: "",
    heard: "",
    unheard: "",
    started_at: "2026-11-26T08:00:00.000Z",
    said_from_ms: null,
    said_to_ms: null,
    heard_from_ms: null,
    heard_to_ms: null,
    response_ms: null,
    queue_ms: 0,
    stages: [],
    words: [],
    errors: [],
    tokens: {},
    confidence: null,
    ...change,
  };
}
