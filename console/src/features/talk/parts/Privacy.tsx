import { AudioMutedOutlined, AudioOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { statusQuery } from "@/shared/api/server";
import { useTalk } from "../context";

function useHosts(): string {
  const prepared = useTalk((talk) => talk.conversation.prepared);
  const { data: status } = useQuery(statusQuery);
  return (prepared?.sends_to ?? status?.sendsTo ?? []).join(", ");
}

/** Stands in the header of every page: whether the microphone is on, and who gets its sound. */
export function MicrophoneChip() {
  const { t } = useTranslation("talk");
  const on = useTalk((talk) => talk.microphone.state === "on" && !talk.muted);
  const hosts = useHosts();
  const text = !on ? t("privacy.off") : hosts === "" ? t("privacy.here") : t("privacy.elsewhere", { hosts });
  return (
    <span className={on ? "chip chip-on" : "chip"}>
      {on ? <AudioOutlined aria-hidden /> : <AudioMutedOutlined aria-hidden />}
      {on && hosts === "" ? (
        // On a phone the short one, because the line below the lamp says the rest.
        <>
          <span className="chip-short">{t("privacy.on")}</span>
          <span className="chip-long">{text}</span>
        </>
      ) : (
        <span>{text}</span>
      )}
    </span>
  );
}

export function LineChip() {
  const { t } = useTranslation("talk");
  const up = useTalk((talk) => talk.conversation.line === "up");
  return (
    <span className={up ? "chip chip-line chip-live" : "chip chip-line"}>
      <span className="dot" aria-hidden />
      <span className="chip-words">{t(up ? "line.live" : "line.off")}</span>
    </span>
  );
}

/** Below the lamp: where sound goes, and whether and how long it is kept. */
export function PrivacyLine() {
  const { t } = useTranslation("talk");
  const retention = useTalk((talk) => talk.conversation.prepared?.retention);
  const state = useTalk((talk) => talk.conversation.recording?.state);
  const hosts = useHosts();
  const days = retention?.recording_days ?? 0;
  return (
    <p className="privacy">
      <span>{hosts === "" ? t("privacy.line_here") : t("privacy.line_elsewhere", { hosts })}</span>
      {state === "on" ? (
        <span className="recording">
          <span className="recording-light" aria-hidden />
          {t("privacy.recorded", { days })}
        </span>
      ) : (
        <span>{t("privacy.not_recorded")}</span>
      )}
    </p>
  );
}
