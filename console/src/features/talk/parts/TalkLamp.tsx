import { useTranslation } from "react-i18next";
import { useStore } from "zustand";

import { usePreferences } from "@/shared/preferences";
import { Lamp, type LampLook } from "@/shared/ui/Lamp";
import { useTalk, useTalkParts } from "../context";
import { lampAction, THINKING, type LampState } from "../session/lamp";
import { useElapsed, useNow } from "./useSeconds";

const LOOKS: Partial<Record<LampState, LampLook>> = {
  connecting: "busy",
  recognising: "thinking",
  synthesising: "thinking",
};

export function useLampState(): LampState {
  const { session } = useTalkParts();
  return useStore(session.store, () => session.lamp());
}

/** The lamp with its words. */
export function TalkLamp({ disabled }: { disabled: boolean }) {
  const { session, levels } = useTalkParts();
  const { t } = useTranslation("talk");
  const state = useLampState();
  const mode = useTalk((talk) => talk.mode);
  const gain = useTalk((talk) => talk.conversation.ducked ?? 1);
  const words = useLampWords(state);
  const action = lampAction(state, mode);
  const holds = mode === "turns" && !disabled && !["reconnecting", "blocked", "paused"].includes(state);
  const tap = (): void => {
    if (disabled) return;
    if (holds) {
      session.press();
      session.unpress();
    } else session.tap();
  };
  return (
    <div className="lamp-block">
      <Lamp
        look={LOOKS[state] ?? (state as LampLook)}
        state={state}
        name={`${words}. ${t(`action.${action}`)}`}
        gain={gain}
        input={() => levels.input.rms}
        output={() => levels.output}
        data={() => ({ reply: session.progress.reply, playedMs: session.progress.ms, gaps: session.progress.gaps })}
        onTap={tap}
        {...(holds
          ? {
              onPress: () => {
                session.press();
              },
            }
          : {})}
        // Also when the line goes down in mid-hold: what went down comes up.
        onRelease={() => {
          session.unpress();
        }}
      />
      <div className="lamp-words" aria-hidden>
        {words}
      </div>
    </div>
  );
}

function useLampWords(state: LampState): string {
  const { t } = useTranslation("talk");
  const language = usePreferences((preferences) => preferences.language);
  const { mode, conversation, yourTurn, microphone, muted } = useTalk((talk) => talk);
  const elapsed = useElapsed(THINKING.includes(state) ? "thinking" : state, THINKING.includes(state));
  const now = useNow(state === "reconnecting");
  const { queue } = conversation;
  if (state === "waiting" && queue !== null) {
    const [low, high] = queue.range.map(Math.round);
    const place = language === "zh" ? String(queue.position) : ordinal(queue.position);
    return t(queue.longer ? "lamp.waiting_longer" : "lamp.waiting", { place, eta: Math.round(queue.etaS), low, high });
  }
  if (state === "reconnecting") {
    const seconds = Math.max(0, Math.round(((conversation.keptUntil ?? now) - now) / 1000));
    return t("lamp.reconnecting", { seconds });
  }
  if (state === "paused") {
    const until = new Date(conversation.pausedUntil ?? now);
    return t("lamp.paused", { time: until.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" }) });
  }
  if (state === "ready" && mode === "turns") return t("lamp.hold_to_talk");
  if (state === "muted" && yourTurn) return t("lamp.your_turn");
  if (state === "muted" && !muted && microphone.state !== "on") return t("lamp.microphone_off");
  if (THINKING.includes(state) && elapsed >= 2) return t("lamp.thinking_long", { seconds: elapsed });
  return t(`lamp.${state}`);
}

function ordinal(n: number): string {
  const suffixes: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "st", two: "nd", few: "rd" };
  return `${n}${suffixes[new Intl.PluralRules("en", { type: "ordinal" }).select(n)] ?? "th"}`;
}
