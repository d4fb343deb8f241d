import { Problem } from "@/shared/api/problem";
import type { ListPage } from "@/shared/api/types";
import type { Peaks, SharedConversation, SoundSource, Turn } from "@/shared/replay/types";

/** It ends before the bearer does: a request that is under way must not meet its end. */
const EARLY_MS = 30_000;

/** What a link opens. The bearer lasts ten minutes; after that the link is exchanged again, as long as it is shared. */
export class OpenedLink implements SoundSource {
  #conversation: Promise<SharedConversation> | null = null;
  #until = 0;

  constructor(
    readonly secret: string,
    /** The link is over while the page is open. */
    readonly onGone: () => void,
  ) {}

  /** The conversation with its first turns. Throws Problems. */
  open(): Promise<SharedConversation> {
    this.#conversation ??= this.#exchange();
    return this.#conversation;
  }

  readonly turns = async (cursor: string): Promise<ListPage<Turn>> => (await this.#ask(`/api/shared/turns?limit=200&cursor=${encodeURIComponent(cursor)}`)).json() as Promise<ListPage<Turn>>;
  readonly peaks = async (recording: string): Promise<Peaks> => (await this.#ask(`/api/shared/peaks?recording=${recording}`)).json() as Promise<Peaks>;
  readonly sound = async (recording: string): Promise<Blob> => (await this.#ask(`/api/shared/sound?recording=${recording}`)).blob();

  async #exchange(): Promise<SharedConversation> {
    const response = await asked("/api/shared", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ secret: this.secret }) });
    const opened = (await response.json()) as SharedConversation;
    this.#until = Date.parse(opened.expires_at) - EARLY_MS;
    return opened;
  }

  async #ask(path: string): Promise<Response> {
    try {
      if (Date.now() > this.#until) this.#conversation = null;
      const { token } = await this.open();
      return await asked(path, { headers: { authorization: `Bearer ${token}` } });
    } catch (problem) {
      if (isGone(problem)) this.onGone();
      throw problem;
    }
  }
}

/** Ended or revoked; a conversation that was deleted looks the same. */
export function isGone(problem: unknown): boolean {
  return problem instanceof Problem && (problem.code === "not_shared" || problem.status === 401);
}

async function asked(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw Problem.unreachable();
  }
  if (!response.ok) throw await Problem.of(response);
  return response;
}

const TIMEOUT_MS = 60_000;
