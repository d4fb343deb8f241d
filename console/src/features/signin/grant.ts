import { Problem } from "@/shared/api/problem";
import { session } from "@/shared/api/session";
import type { Grant } from "@/shared/api/types";

/** Throws a Problem; afterwards this page is signed in. */
export async function signInByPassword(name: string, password: string): Promise<void> {
  session.accept(await ask("/api/auth/password", { name, password }));
}

/** A link is good once. `password`: the new one, where the link is for a forgotten one. Throws a Problem. */
export async function signInByLink(secret: string, password?: string): Promise<void> {
  session.accept(await ask("/api/auth/link", { secret, ...(password === undefined ? {} : { password }) }));
}

async function ask(path: string, body: object): Promise<Grant> {
  await session.settled();
  let response: Response;
  try {
    response = await session.fetch(path, {
      method: "POST",
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: "application/json", "content-type": "application/json", "x-vivavoce": "1" },
      body: JSON.stringify(body),
    });
  } catch {
    throw Problem.unreachable();
  }
  if (!response.ok) throw await Problem.of(response);
  return (await response.json()) as Grant;
}

/** Checking a password takes the server a while, and others may be before. */
const TIMEOUT_MS = 30_000;
