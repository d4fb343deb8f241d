import { queryOptions } from "@tanstack/react-query";

import { client, get, post } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { ApiToken, NewApiToken, Doctor, Kind, ListPage, Role, Settings, SettingValue, SignIn, Tried } from "@/shared/api/types";

export const settingsQuery = queryOptions({
  queryKey: keys.settings.values(),
  queryFn: ({ signal }) => get<Settings>("/api/settings", { signal }),
});

/** Some or all, or none; null takes back what was set here. */
export const saveSettings = (values: Record<string, SettingValue>, version: number): Promise<unknown> =>
  client.ask("PATCH", "/api/settings", { body: { values }, etag: `"${version}"` });

export const doctorQuery = queryOptions({
  queryKey: keys.settings.doctor(),
  queryFn: ({ signal }) => get<Doctor>("/api/doctor", { signal }),
});

export const tryOut = (kind: Kind): Promise<Tried> => post<Tried>("/api/doctor/try", { body: { kind } });

export const mySignInsQuery = queryOptions({
  queryKey: keys.me.signIns(),
  queryFn: async ({ signal }) => (await get<ListPage<SignIn>>("/api/me/sign-ins", { signal })).items,
});

export const endSignIn = (id: string): Promise<unknown> => client.ask("DELETE", `/api/me/sign-ins/${id}`);

export const myTokensQuery = queryOptions({
  queryKey: keys.me.tokens(),
  queryFn: async ({ signal }) => (await get<ListPage<ApiToken>>("/api/me/tokens", { signal })).items,
});

export interface NewToken {
  name: string;
  role: Role;
  days: number | null;
}

export const createToken = (token: NewToken, key: string): Promise<NewApiToken> => post("/api/me/tokens", { body: token, key });

export const revokeToken = (id: string): Promise<unknown> => client.ask("DELETE", `/api/me/tokens/${id}`);

export const changePassword = (old: string | null, fresh: string): Promise<unknown> =>
  client.ask("POST", "/api/me/password", { body: { old, new: fresh } });
