/** The answers of the API as the console reads them. */
import type { Role } from "@/generated/permissions";

export type { Role };

export interface Account {
  id: string;
  name: string;
  display_name: string;
  role: Role;
  disabled: boolean;
  has_password: boolean;
  /** Whether sound may be kept; null: not asked yet. */
  recording: boolean | null;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface Grant {
  access_token: string;
  expires_in_s: number;
  user: Account;
}

export interface ListPage<T> {
  items: T[];
  next: string | null;
}

export type User = Account;

export interface Me {
  user: Account | null;
}

export interface SignIn {
  id: string;
  how: string;
  address: string;
  agent: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  current: boolean;
}

export interface ApiToken {
  id: string;
  name: string;
  hint: string;
  role: Role;
  scopes: string[];
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
}

export interface AuditEntry {
  seq: number;
  at: string;
  actor_id: string;
  actor_name: string;
  actor_role: string;
  act: string;
  object_kind: string;
  object_id: string;
  address: string;
  outcome: string;
  detail: Record<string, unknown>;
}

export interface ChainState {
  whole: boolean;
  rows: number;
  /** The first record that does not match; nothing after it is proven. */
  broken_at: number | null;
  detail: string;
}

export type AppMode = "turns" | "hands_free" | "camera";

export interface AppBody {
  name: string;
  prompt: string;
  voice: string | null;
  language: string | null;
  patience: number;
  tools: string[] | null;
  model: string | null;
  modes: AppMode[];
}

export interface AppSummary {
  id: string;
  name: string;
  language: string | null;
  modes: AppMode[];
  enabled: boolean;
  version: number;
  built_in: boolean;
  updated_at: string;
}

export interface AppView extends AppSummary {
  prompt: string | null;
  voice: string | null;
  patience: number;
  tools: string[] | null;
  model: string | null;
}

export interface AppVersion {
  version: number;
  body: AppBody;
  created_at: string;
  created_by: string;
}

export type SettingValue = string | number | boolean | string[] | null;

export interface Setting {
  key: string;
  /** In force now. */
  value: SettingValue;
  saved: SettingValue;
  is_saved: boolean;
  default: SettingValue;
  type: string;
  choices: string[] | null;
  minimum: number | null;
  maximum: number | null;
  text: string;
  origin: "default" | "file" | "environment" | "flag" | "console";
  where: string;
  effect: string;
  changeable: boolean;
}

export interface Settings {
  items: Setting[];
  version: number;
}

export type Kind = "vad" | "asr" | "llm" | "tts";

export interface Doctor {
  well: boolean;
  version: string;
  python: string;
  system: string;
  file: string | null;
  in_use: { kind: Kind; name: string; detail: string; problem: string | null }[];
  checks: { name: string; well: boolean; detail: string }[];
  missing: { missing: string; adds: string; how: string }[];
}

export interface Tried {
  kind: Kind;
  well: boolean;
  ms: number;
  text: string;
  /** A WAV file in base64. */
  sound: string | null;
}

export interface LiveSession {
  owner: string;
  owner_name: string;
  id: string;
  conversation: string;
  gateway: string;
  kind: string;
  app: string;
  language: string;
  channel: string;
  turns: number;
  started_at: string;
  seen_at: string;
}

export interface Statistics {
  since: string;
  until: string;
  by: "hour" | "day";
  items: {
    at: string;
    conversations: number;
    turns: number;
    people: number;
    cuts: number;
    errors: number;
    response_p50_ms: number | null;
    response_p95_ms: number | null;
  }[];
}
