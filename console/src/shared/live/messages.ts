/** `/ws`: what the console says and hears there. */
export type Topic = "users" | "sign_ins" | "apps" | "settings" | "audit" | "conversations" | "sessions" | "recording";

export type ClientMessage = { type: "subscribe"; topics: Topic[]; cursor?: string } | { type: "ping" };

export interface LiveEvent {
  type: "event";
  cursor: string;
  topic: Topic;
  kind: string;
  id: string;
  data?: Record<string, unknown>;
}

export type ServerMessage =
  | { type: "subscribed"; topics: Topic[]; cursor: string }
  | { type: "snapshot_needed"; cursor: string }
  | LiveEvent
  | { type: "pong"; cursor: string }
  | { type: "error"; code: string; message: string; retryable: boolean; fatal: boolean };
