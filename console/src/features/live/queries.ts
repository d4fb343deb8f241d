import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { ListPage, LiveSession, Statistics } from "@/shared/api/types";

export const sessionsQuery = infiniteQueryOptions({
  queryKey: keys.live.sessions(),
  queryFn: ({ pageParam, signal }) => get<ListPage<LiveSession>>("/api/sessions", { query: { cursor: pageParam ?? undefined, limit: 200 }, signal }),
  initialPageParam: null as string | null,
  getNextPageParam: ({ next }) => next,
});

export const endSession = ({ owner, id }: LiveSession): Promise<unknown> => client.ask("DELETE", `/api/sessions/${owner}/${id}`);

/** The last `hours`, of everybody where one may see that. */
export const statisticsQuery = (hours: number, everybody: boolean) =>
  queryOptions({
    queryKey: keys.live.statistics({ hours, everybody }),
    queryFn: ({ signal }) => {
      const to = Date.now();
      const query = { from: new Date(to - hours * 3_600_000).toISOString(), to: new Date(to).toISOString(), by: "hour", owner: everybody ? "*" : undefined };
      return get<Statistics>("/api/statistics", { query, signal });
    },
    refetchInterval: 60_000,
    placeholderData: (before) => before,
  });
