import { client } from "./client";
import { Problem } from "./problem";
import { session } from "./session";
import type { Account, Me } from "./types";

/** Changes what is one's own. Somebody who changed it elsewhere meanwhile is not overwritten but for these fields. */
export async function changeMe(change: Partial<Pick<Account, "display_name">> & { recording?: boolean }): Promise<void> {
  const version = session.store.getState().account?.version ?? 0;
  try {
    session.know(await send(change, `"${version}"`));
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "changed") throw error;
    const { data, etag } = await client.ask<Me>("GET", "/api/me");
    if (data.user !== null) session.know(data.user);
    session.know(await send(change, etag));
  }
}

async function send(change: object, etag: string | null): Promise<Account> {
  return (await client.ask<Account>("PATCH", "/api/me", { body: change, etag })).data;
}
