import { createContext, use } from "react";
import { useStore } from "zustand";

import type { AudioEngine } from "@/shared/audio/engine";
import type { Levels } from "@/shared/audio/port";
import type { TalkState } from "./session/store";
import type { TalkSession } from "./session/talk";

/** The conversation of this page and what its parts need beside it. */
export interface Talk {
  session: TalkSession;
  levels: Readonly<Levels>;
  /** For what is not part of a conversation: volume, loudspeaker, hearing oneself. */
  engine: Pick<AudioEngine, "setVolume" | "setSpeaker" | "hearYourself">;
  choosesSpeaker: boolean;
}

export const TalkContext = createContext<Talk | null>(null);

export function useTalkParts(): Talk {
  const talk = use(TalkContext);
  if (talk === null) throw new Error("no conversation around this part");
  return talk;
}

export function useTalk<T>(select: (state: TalkState) => T): T {
  return useStore(useTalkParts().session.store, select);
}
