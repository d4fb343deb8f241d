import { useQueries } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useStore } from "zustand";

import { useFrame } from "@/shared/ui/useFrame";
import { openLoudspeaker } from "./loudspeaker";
import { ReplayPlayer, type PlayerState } from "./player";
import { silences, spansOf, waveOf, type Span, type Wave } from "./timeline";
import type { Recording, SoundSource } from "./types";

export interface Replay {
  player: ReplayPlayer;
  spans: readonly Span[];
  waves: readonly Wave[];
}

/** What is fetched before anybody plays it, bytes: half an hour. Longer recordings wait for the tap. */
const AHEAD = 4 << 20;

/**
 * A player of these recordings, open while the page is. `name` tells conversations apart in the query cache: peaks are
 * read once. Null recordings: they are not for whoever asks.
 */
export function useReplay(name: string, recordings: readonly Recording[] | null, source: SoundSource): Replay {
  const spans = useMemo(() => spansOf(recordings ?? []), [recordings]);
  const player = usePlayer(source);
  const waves = useWaves(name, spans, source);
  useEffect(() => {
    player.setSpans(spans);
    const first = recordings?.find(({ id }) => id === spans[0]?.id);
    if (first !== undefined && first.size <= AHEAD) void player.prepare();
  }, [player, spans, recordings]);
  useEffect(() => {
    player.setSilences(silences(waves));
  }, [player, waves]);
  const playing = usePlayerState(player, (state) => state.playing);
  useFrame(() => {
    player.tick();
  }, playing);
  return { player, spans, waves };
}

export function usePlayerState<T>(player: ReplayPlayer, select: (state: PlayerState) => T): T {
  return useStore(player.store, select);
}

function usePlayer(source: SoundSource): ReplayPlayer {
  const [player] = useState(() => {
    return new ReplayPlayer({
      ...openLoudspeaker(),
      load: async (recording) => URL.createObjectURL(await source.sound(recording)),
      release: (address) => {
        URL.revokeObjectURL(address);
      },
    });
  });
  useEffect(() => {
    player.open();
    return () => {
      player.close();
    };
  }, [player]);
  return player;
}

function useWaves(name: string, spans: readonly Span[], source: SoundSource): readonly Wave[] {
  return useQueries({
    queries: spans.map(({ id }) => ({
      queryKey: ["history", "peaks", { name, recording: id }],
      queryFn: async () => waveOf(await source.peaks(id)),
      staleTime: Infinity,
      retry: false,
    })),
    combine: collected,
  });
}

const collected = (asked: readonly { data: Wave | undefined }[]): readonly Wave[] => asked.map(({ data }) => data).filter((wave) => wave !== undefined);
