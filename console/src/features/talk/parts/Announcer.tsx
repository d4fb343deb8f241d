import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useTalk } from "../context";
import type { LampState } from "../session/lamp";
import { useLampState } from "./TalkLamp";

const SAID: readonly LampState[] = ["interrupted", "reconnecting", "ended", "blocked"];
/** From these on «listening» is news; after each reply it would be talked into an open microphone. */
const BEFORE_LISTENING: readonly LampState[] = ["connecting", "waiting", "muted", "blocked", "paused"];

/** For screen readers: start, interruption, loss, return and end, politely; silent while somebody speaks. */
export function Announcer() {
  const { t } = useTranslation("talk");
  const state = useLampState();
  const back = useTalk((talk) => talk.conversation.cameBack);
  const [{ now, before }, follow] = useState<{ now: LampState; before: LampState }>({ now: state, before: state });
  if (state !== now) follow({ now: state, before: now });
  const listens = state === "listening" && BEFORE_LISTENING.includes(state === now ? before : now);
  const words = back !== null
    ? t(back === "resumed" ? "line.back" : "line.anew")
    : state === "reconnecting"
      ? t("line.lost")
      : SAID.includes(state) || listens
        ? t(`lamp.${state}`)
        : "";
  return (
    <div className="visually-hidden" aria-live="polite">
      {words}
    </div>
  );
}
