import { useTranslation } from "react-i18next";

import { useTalk } from "../context";
import type { LampState } from "../session/lamp";
import { useLampState } from "./TalkLamp";

const SAID: readonly LampState[] = ["listening", "interrupted", "reconnecting", "ended", "blocked"];

/** For screen readers: start, interruption, loss, return and end, politely; silent while somebody speaks. */
export function Announcer() {
  const { t } = useTranslation("talk");
  const state = useLampState();
  const back = useTalk((talk) => talk.conversation.cameBack);
  const words = back
    ? t("line.back")
    : state === "reconnecting"
      ? t("line.lost")
      : SAID.includes(state)
        ? t(`lamp.${state}`)
        : "";
  return (
    <div className="visually-hidden" aria-live="polite">
      {words}
    </div>
  );
}
