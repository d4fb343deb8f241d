import { useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { healthQuery, statusQuery } from "@/shared/api/server";
import { prefer, spokenLanguage, usePreferences } from "@/shared/preferences";
import { isErrorCode } from "@/shared/sockets/closing";
import { useTalk, useTalkParts } from "../context";

/** What is not as it should be, in its place above the controls; never in the way of them. */
export function Notices() {
  return (
    <div className="notices">
      <LineNotice />
      <RecordingNotice />
      <EndNotice />
      <SoundNotice />
      <MicrophoneNotice />
      <ChineseNotice />
    </div>
  );
}

interface NoticeProps {
  type?: "info" | "warning" | "error" | "success";
  text: string;
  detail?: ReactNode;
  action?: ReactNode;
}

function Notice({ type = "warning", text, detail, action }: NoticeProps) {
  const words = detail === undefined ? text : (
    <>
      {typeof detail === "string" ? <strong>{text}</strong> : text} {detail}
    </>
  );
  return <Alert type={type} showIcon title={words} action={action} />;
}

function LineNotice() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const line = useTalk((talk) => talk.conversation.line);
  const back = useTalk((talk) => talk.conversation.cameBack);
  const keptS = useTalk((talk) => talk.keptS);
  if (back === "resumed") return <Notice type="success" text={t("line.back")} />;
  if (back === "anew") return <Notice type="info" text={t("line.anew")} />;
  if (line !== "lost") return null;
  const again = (
    <Button size="small" onClick={() => { session.tap(); }}>
      {t("line.again")}
    </Button>
  );
  return <Notice text={t("line.lost")} action={again} {...(keptS > 0 ? { detail: t("line.kept", { seconds: keptS }) } : {})} />;
}

/** The person said yes, and there is no room just now. */
function RecordingNotice() {
  const { t } = useTranslation("talk");
  const recording = useTalk((talk) => talk.conversation.recording);
  const up = useTalk((talk) => talk.conversation.line === "up" || talk.conversation.line === "lost");
  if (!up || recording?.state !== "paused") return null;
  return <Notice text={t(recording.reason === "storage_full" ? "recording.full" : "recording.paused")} />;
}

function EndNotice() {
  const { t } = useTranslation("talk");
  const line = useTalk((talk) => talk.conversation.line);
  const code = useTalk((talk) => talk.conversation.endedBy);
  const message = useTalk((talk) => talk.conversation.endedMessage);
  const { data: health } = useQuery(healthQuery);
  if (line !== "ended" || code === null) return null;
  const type = code === "stopped" || code === "expired" || code === "idle" ? "info" : "error";
  // A browser does not say why it was not let in; the server's health does.
  if (code === "unreachable" && health?.phase === "ok") return <Notice type={type} text={t("ended.refused")} />;
  if (code === "unreachable" && health?.phase === "draining") return <Notice type={type} text={t("ended.draining")} />;
  const known = isErrorCode(code) || code === "expired" || code === "unreachable" || code === "rate_limited";
  const text = known
    ? t(`ended.${code}` as "ended.expired", { defaultValue: message ?? t("ended.unknown", { code }) })
    : (message ?? t("ended.unknown", { code }));
  return <Notice type={type} text={text} />;
}

function SoundNotice() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  if (!useTalk((talk) => talk.soundless)) return null;
  const again = (
    <Button size="small" onClick={() => { session.goOn(); }}>
      {t("microphone.again")}
    </Button>
  );
  return <Notice text={t("microphone.soundless")} action={again} />;
}

function MicrophoneNotice() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const { slow, problem, trouble, info, echo, state } = useTalk((talk) => talk.microphone);
  const mode = useTalk((talk) => talk.mode);
  const again = (
    <Button size="small" onClick={() => { session.ears.ask(); }}>
      {t("microphone.again")}
    </Button>
  );
  if (slow) return <Notice type="info" text={t("microphone.slow")} />;
  if (problem === "denied") return <Notice text={t("microphone.denied")} detail={t("microphone.denied_steps")} action={again} />;
  if (problem === "insecure") return <Notice text={t("microphone.insecure")} />;
  if (problem === "system") return <Notice text={t("microphone.system")} />;
  if (problem !== null) return <Notice text={t(`microphone.${problem}`)} action={again} />;
  if (echo) return <EchoNotice />;
  if (trouble !== null) return <Notice text={t(`microphone.${trouble}`)} />;
  if (state === "on" && info?.fellBack === true) return <Notice type="info" text={t("microphone.using", { label: info.label })} />;
  if (state === "on" && info?.echoCancellation === false && mode !== "turns")
    return <Notice type="info" text={t("microphone.no_echo_cancelling")} />;
  return null;
}

function EchoNotice() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const choices = (
    <span className="notice-actions">
      <Button
        size="small"
        onClick={() => {
          session.setMode("turns");
          session.ears.dismissEcho();
        }}
      >
        {t("microphone.echo_turns")}
      </Button>
      <Button
        size="small"
        onClick={() => {
          prefer({ interruptByVoice: false });
          session.ears.dismissEcho();
        }}
      >
        {t("microphone.echo_deaf")}
      </Button>
    </span>
  );
  return <Notice text={t("microphone.echo")} action={choices} />;
}

function ChineseNotice() {
  const { t } = useTranslation("talk");
  const language = usePreferences(spokenLanguage);
  const prepared = useTalk((talk) => talk.conversation.prepared);
  const { data: status } = useQuery(statusQuery);
  const heard = prepared?.languages.heard ?? status?.heard;
  if (language !== "zh" || heard === undefined || heard.includes("zh")) return null;
  return (
    <Notice
      type="info"
      text={t("chinese.notice")}
      detail={
        <details className="how">
          <summary>{t("chinese.add")}</summary>
          <p>{t("chinese.how")}</p>
          <pre>{RECOGNISER}</pre>
        </details>
      }
    />
  );
}

const RECOGNISER = `asr:
  backend: openai
  base_url: http://127.0.0.1:8000/v1
  model: whisper-large-v3`;
