import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, get, newKey } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AppSummary, ListPage } from "@/shared/api/types";
import type { Conversation, ConversationDetail, ConversationPage, Inspection, MadeShare, Peaks, Share, SoundSource, Turn } from "@/shared/replay/types";

export interface Filter {
  q?: string | undefined;
  app?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  slow?: number | undefined;
  cut?: true | undefined;
  /** Absent: one's own. */
  owner?: "*" | undefined;
}

const asked = ({ q, app, from, to, slow, cut, owner }: Filter) => ({ q, app, from, to, slow_ms: slow, cut, owner });

export const listQuery = (filter: Filter) =>
  infiniteQueryOptions({
    queryKey: keys.history.list(filter),
    queryFn: ({ pageParam, signal }) => get<ConversationPage>("/api/conversations", { query: { ...asked(filter), cursor: pageParam ?? undefined, limit: 50 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    refetchOnMount: "always",
  });

/** As many as «n new» can count; beyond that it says so. */
export const NEWEST = 50;

/** The newest of the list, to be counted against what is shown. */
export const newest = async (filter: Filter): Promise<Conversation[]> => (await get<ConversationPage>("/api/conversations", { query: { ...asked(filter), limit: NEWEST } })).items;

export const appNamesQuery = queryOptions({
  queryKey: keys.apps.list(),
  queryFn: async ({ signal }) => (await get<ListPage<AppSummary>>("/api/apps", { signal })).items,
  staleTime: 60_000,
});

/** `words`: somebody else's are asked for by name, and that is audited. */
export const conversationQuery = (id: string, words: boolean) =>
  queryOptions({
    queryKey: keys.history.one(id, { words }),
    queryFn: ({ signal }) => get<ConversationDetail>(`/api/conversations/${id}`, { query: { words: words || undefined }, signal }),
  });

export const turnsQuery = (id: string, words: boolean) =>
  infiniteQueryOptions({
    queryKey: keys.history.turns(id, { words }),
    queryFn: ({ pageParam, signal }) =>
      get<ListPage<Turn>>(`/api/conversations/${id}/turns`, { query: { words: words || undefined, cursor: pageParam ?? undefined, limit: 200 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

export const inspectionQuery = (id: string, reply: string, words: boolean) =>
  queryOptions({
    queryKey: keys.history.turn(id, { reply, words }),
    queryFn: ({ signal }) => get<Inspection>(`/api/conversations/${id}/turns/${reply}`, { query: { words: words || undefined }, signal }),
    placeholderData: (before) => before,
  });

export const sharesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.history.shares(id),
    queryFn: async ({ signal }) => (await get<ListPage<Share>>(`/api/conversations/${id}/shares`, { signal })).items,
  });

export const share = async (id: string, days: number): Promise<MadeShare> =>
  (await client.ask<MadeShare>("POST", `/api/conversations/${id}/shares`, { body: { days }, key: newKey() })).data;

export const revoke = (id: string, link: string): Promise<unknown> => client.ask("DELETE", `/api/conversations/${id}/shares/${link}`);

export const remove = (id: string): Promise<unknown> => client.ask("DELETE", `/api/conversations/${id}`);

export const download = (id: string, words: boolean): Promise<Blob> => client.file(`/api/conversations/${id}/download`, words ? { words } : {});

export const soundOf = (id: string, words: boolean): SoundSource => ({
  sound: (recording) => client.file(`/api/conversations/${id}/sound`, { recording, ...(words ? { words } : {}) }),
  peaks: (recording) => get<Peaks>(`/api/conversations/${id}/peaks`, { query: { recording, words: words || undefined } }),
});
