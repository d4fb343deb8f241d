import { Problem } from "@/shared/api/problem";
import { session } from "@/shared/api/session";
import { Undialled, type Dial, type Socket } from "./transport";

/** Dials with a ticket for exactly this address: good once and for half a minute, so it is fetched for each attempt. */
export const dialWithTicket: Dial = async (url, protocols): Promise<Socket> => {
  const ticket = await session.ticket(new URL(url).pathname).catch((error: unknown) => {
    throw undialled(error);
  });
  return new WebSocket(url, [...protocols, ...ticket]);
};

/** What the socket would have been closed with. */
function undialled(error: unknown): Undialled {
  if (!(error instanceof Problem)) return new Undialled(1011, "internal");
  const { status, code, retryAfterS } = error;
  if (status === 401) return new Undialled(1008, "token_revoked");
  if (status === 403) return new Undialled(1008, "forbidden");
  if (status === 429) return new Undialled(1013, "rate_limited", retryAfterS);
  if (status === 503) return new Undialled(1013, code === "draining" ? "draining" : "overloaded", retryAfterS);
  return new Undialled(1006, "");
}
