import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { inField, isCommand, onOtherControl, usePageKeys } from "@/shared/ui/keys";
import { beginOf, turnAt } from "./cues";
import type { ReplayPlayer } from "./player";
import type { Turn } from "./types";

interface ReplayKeys {
  player: ReplayPlayer;
  turns: readonly Turn[];
  /** Number of the reply whose turn is open. */
  opened?: string | undefined;
  /** Opens a turn, or none; absent where turns cannot be opened. */
  open?: ((turn: Turn | undefined) => void) | undefined;
}

const STEP_MS = 5000;

/** Space, arrows, brackets, comma and full stop: heard by the page itself, since Space also presses buttons. */
export function useReplayKeys(keys: ReplayKeys): void {
  const { t } = useTranslation("replay");
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  usePageKeys([
    { key: "Space", words: t("keys.play") },
    { key: "← →", words: t("keys.seconds") },
    { key: "[ ]", words: t("keys.turn") },
    { key: ", .", words: t("keys.rate") },
    ...(keys.open === undefined ? [] : [{ key: "i", words: t("keys.inspector") }]),
  ]);
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (document.querySelector("dialog[open]") !== null) return;
      if (event.key === "Escape") {
        const { open, opened } = latest.current;
        if (open === undefined || opened === undefined || event.defaultPrevented || inField(event.target)) return;
        open(undefined);
        return;
      }
      const moves = event.key === "ArrowLeft" || event.key === "ArrowRight";
      // Held down an arrow goes on; everything else happens once.
      if (moves ? !mayMove(event) : !isCommand(event)) return;
      if (event.key === " " && onOtherControl(event.target) && !(event.target as HTMLElement).matches(".wave-frame")) return;
      if (!press(event.key, latest.current)) return;
      event.preventDefault();
    };
    window.addEventListener("keydown", down);
    return () => {
      window.removeEventListener("keydown", down);
    };
  }, []);
}

function mayMove(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || inField(event.target)) return false;
  return !(event.target instanceof Element) || event.target.closest("[role=radiogroup], [role=img], [role=tablist]") === null;
}

/** Whether the key meant anything here. */
function press(key: string, { player, turns, opened, open }: ReplayKeys): boolean {
  const here = opened === undefined ? turnAt(turns, player.at()) : turns.findIndex(({ reply }) => String(reply) === opened);
  const go = (step: 1 | -1): void => {
    const turn = turns[Math.min(turns.length - 1, Math.max(0, here + step))];
    const from = turn === undefined ? null : beginOf(turn);
    if (from !== null) player.seek(from);
    if (turn !== undefined && opened !== undefined) open?.(turn);
  };
  const acts: Partial<Record<string, () => void>> = {
    " ": () => {
      player.toggle();
    },
    ArrowLeft: () => {
      player.seek(Math.max(0, player.at() - STEP_MS));
    },
    ArrowRight: () => {
      player.seek(player.at() + STEP_MS);
    },
    "[": () => {
      go(-1);
    },
    "]": () => {
      go(1);
    },
    ",": () => {
      player.stepRate(-1);
    },
    ".": () => {
      player.stepRate(1);
    },
    ...(open === undefined
      ? {}
      : {
          i: () => {
            open(opened === undefined ? turns[Math.max(0, here)] : undefined);
          },
        }),
  };
  const act = acts[key];
  act?.();
  return act !== undefined;
}
