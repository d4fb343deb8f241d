import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, get, newKey, post } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { ListPage, Role, SignIn, SignInLink, User } from "@/shared/api/types";

export const usersQuery = (search: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.users.list(), { search }],
    queryFn: ({ pageParam, signal }) =>
      get<ListPage<User>>("/api/users", { query: { q: search, cursor: pageParam ?? undefined, limit: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

export const signInsQuery = (user: string) =>
  queryOptions({
    queryKey: keys.users.signIns(user),
    queryFn: async ({ signal }) => (await get<ListPage<SignIn>>(`/api/users/${user}/sign-ins`, { signal })).items,
  });

/** Somebody new, and the link that lets them in. */
export async function invite(body: { name: string; display_name: string; role: Role }, key: string): Promise<{ user: User; link: SignInLink }> {
  const user = await post<User>("/api/users", { body, key });
  return { user, link: await makeLink(user.id, "sign_in") };
}

export const makeLink = (user: string, kind: "sign_in" | "reset"): Promise<SignInLink> =>
  post<SignInLink>(`/api/users/${user}/link`, { body: { kind }, key: newKey() });

export const changeUser = (user: User, change: { role?: Role; disabled?: boolean; display_name?: string }): Promise<unknown> =>
  client.ask("PATCH", `/api/users/${user.id}`, { body: change, etag: `"${user.version}"` });

export const deleteUser = (user: User): Promise<unknown> => client.ask("DELETE", `/api/users/${user.id}`);

export const signOutUser = (user: string): Promise<unknown> => client.ask("POST", `/api/users/${user}/sign-out`);
