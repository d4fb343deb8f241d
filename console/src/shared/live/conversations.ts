import { create } from "zustand";

import type { LiveEvent } from "./messages";

/** What the news say of a conversation: numbers, never a word of it. */
interface Told {
  state?: string;
  turns?: number;
  cuts?: number;
  response_ms?: number | null;
}

interface ConversationNews {
  /** How many have begun since this page was loaded. */
  begun: number;
  /** The last that was told of each; the oldest are forgotten. */
  news: ReadonlyMap<string, Told | "deleted">;
}

const KEPT = 500;
/** At most four drawings a second. */
const DRAW_MS = 250;

export const useConversationNews = create<ConversationNews>()(() => ({ begun: 0, news: new Map() }));

let waiting: LiveEvent[] = [];
let timer: ReturnType<typeof setTimeout> | null = null;

/** Something happened to a conversation that this person may know of. */
export function tellConversation(event: LiveEvent): void {
  waiting.push(event);
  timer ??= setTimeout(flush, DRAW_MS);
}

/** Nobody is here any more. */
export function forgetConversations(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  waiting = [];
  useConversationNews.setState({ begun: 0, news: new Map() });
}

function flush(): void {
  const events = waiting;
  timer = null;
  waiting = [];
  useConversationNews.setState(({ begun, news }) => {
    const all = new Map(news);
    for (const { id, kind, data } of events) {
      const before = all.get(id);
      all.delete(id);
      all.set(id, kind === "deleted" || before === "deleted" ? "deleted" : { ...before, ...known(data) });
    }
    for (const id of all.keys()) {
      if (all.size <= KEPT) break;
      all.delete(id);
    }
    return { begun: begun + events.filter(({ kind }) => kind === "created").length, news: all };
  });
}

function known(data: Record<string, unknown> = {}): Told {
  const { state, turns, cuts, response_ms } = data;
  return {
    ...(typeof state === "string" ? { state } : {}),
    ...(typeof turns === "number" ? { turns } : {}),
    ...(typeof cuts === "number" ? { cuts } : {}),
    ...(typeof response_ms === "number" || response_ms === null ? { response_ms } : {}),
  };
}
