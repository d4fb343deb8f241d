import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AuditEntry, ChainState, ListPage, User } from "@/shared/api/types";

export interface AuditFilter {
  who?: string | undefined;
  what?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: keys.audit.list(filter),
    queryFn: ({ pageParam, signal }) =>
      get<ListPage<AuditEntry>>("/api/audit", { query: { ...filter, cursor: pageParam ?? undefined, limit: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

/** Looks through the whole log: asked when the page opens, not with every line. */
export const chainQuery = queryOptions({
  queryKey: keys.audit.chain(),
  queryFn: ({ signal }) => get<ChainState>("/api/audit/chain", { signal }),
  staleTime: 60_000,
});

/** For the choice of a person; the first hundred are enough for a list. */
export const peopleQuery = queryOptions({
  queryKey: [...keys.users.list(), { people: true }],
  queryFn: async ({ signal }) => (await get<ListPage<User>>("/api/users", { query: { limit: 200 }, signal })).items,
  staleTime: 60_000,
});

export const exportAudit = (filter: AuditFilter): Promise<Blob> => client.file("/api/audit/export", { ...filter });
