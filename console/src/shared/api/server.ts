import { queryOptions } from "@tanstack/react-query";

import { client } from "./client";

/** Whether the server takes conversations; while it loads, what it is loading. */
export interface Health {
  phase: "ok" | "loading" | "draining" | "unreachable";
  what: string;
}

/** What the server can do, before a conversation has begun. */
export interface Status {
  heard: string[];
  spoken: string[];
  sendsTo: string[];
  examples: Partial<Record<string, string[]>>;
}

const NEXT_LOOK_MS = 1000;
const CALM_LOOK_MS = 15_000;

export const healthQuery = queryOptions({
  queryKey: ["server", "health"],
  queryFn: async ({ signal }): Promise<Health> => {
    try {
      const response = await fetch("/health", { signal, headers: { accept: "application/json" } });
      const body = (await response.json()) as { status?: string; what?: string };
      if (response.ok) return { phase: "ok", what: "" };
      return { phase: body.status === "draining" ? "draining" : "loading", what: body.what ?? "" };
    } catch {
      // No answer, or one that is not ours: both mean that nobody can talk now, and both pass.
      return { phase: "unreachable", what: "" };
    }
  },
  refetchInterval: ({ state }) => (state.data?.phase === "ok" ? CALM_LOOK_MS : NEXT_LOOK_MS),
});

export const statusQuery = queryOptions({
  queryKey: ["server", "status"],
  queryFn: async ({ signal }): Promise<Status> => {
    const body = (await client.ask<unknown>("GET", "/status", { signal })).data as Partial<Record<"heard" | "spoken" | "sends_to", string[]>> & Pick<Partial<Status>, "examples">;
    return {
      heard: body.heard ?? [],
      spoken: body.spoken ?? [],
      sendsTo: body.sends_to ?? [],
      examples: body.examples ?? {},
    };
  },
  staleTime: 60_000,
});
