import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { keys } from "@/shared/api/keys";
import type { LiveEvent, Topic } from "./messages";

/** What each kind of news makes old in the query cache. The whole of it is this table. */
const OLD: Record<Topic, (event: LiveEvent) => readonly QueryKey[]> = {
  users: () => [keys.users.all],
  sign_ins: () => [keys.users.all, keys.me.all],
  apps: () => [keys.apps.all],
  settings: () => [keys.settings.all],
  // Lines that come are not put under somebody's eyes: they wait until they are asked for.
  audit: () => [],
  // The list is not put under somebody's eyes anew: its numbers change where they stand, and new ones wait.
  conversations: ({ id }) => [keys.history.one(id), keys.history.turns(id), keys.history.turn(id), ["live", "statistics"]],
  sessions: () => [keys.live.sessions()],
  recording: () => [keys.me.all],
};

/** Draws at most four times a second, however much is told. */
export class News {
  readonly #old = new Map<string, QueryKey>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly queries: QueryClient) {}

  add(event: LiveEvent): void {
    for (const key of OLD[event.topic](event)) this.#old.set(JSON.stringify(key), key);
    if (this.#old.size > 0) this.#timer ??= setTimeout(this.#flush, DRAW_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#old.clear();
  }

  readonly #flush = (): void => {
    this.#timer = null;
    for (const queryKey of this.#old.values()) void this.queries.invalidateQueries({ queryKey });
    this.#old.clear();
  };
}

const DRAW_MS = 250;
