import { queryOptions } from "@tanstack/react-query";

import { client, get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AppBody, AppSummary, AppVersion, AppView, ListPage } from "@/shared/api/types";

export const appsQuery = queryOptions({
  queryKey: keys.apps.list(),
  queryFn: async ({ signal }) => (await get<ListPage<AppSummary>>("/api/apps", { signal })).items,
});

/** An app with the version that a change is made to. */
export interface Loaded {
  app: AppView;
  etag: string | null;
}

export const appQuery = (id: string) =>
  queryOptions({
    queryKey: keys.apps.one(id),
    queryFn: async ({ signal }): Promise<Loaded> => {
      const { data, etag } = await client.ask<AppView>("GET", `/api/apps/${id}`, { signal });
      return { app: data, etag };
    },
  });

export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.apps.versions(id),
    queryFn: async ({ signal }) => (await get<ListPage<AppVersion>>(`/api/apps/${id}/versions`, { signal })).items,
  });

export const createApp = (id: string, body: AppBody, key: string): Promise<unknown> => client.ask("POST", "/api/apps", { body: { id, ...body }, key });

export const saveApp = (id: string, body: AppBody, etag: string | null): Promise<unknown> => client.ask("PUT", `/api/apps/${id}`, { body, etag });

export const deleteApp = (id: string): Promise<unknown> => client.ask("DELETE", `/api/apps/${id}`);

export const revertApp = (id: string, version: number, etag: string | null): Promise<unknown> =>
  client.ask("POST", `/api/apps/${id}/revert`, { body: { version }, etag });

/** On or off; what the list shows has no version to go by, so it is read first. */
export async function switchApp(id: string, enabled: boolean): Promise<void> {
  const { etag } = await client.ask<AppView>("GET", `/api/apps/${id}`);
  await client.ask("PATCH", `/api/apps/${id}`, { body: { enabled }, etag });
}
