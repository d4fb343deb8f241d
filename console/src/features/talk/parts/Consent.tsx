import { Alert, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeMe } from "@/shared/api/me";
import { useSession } from "@/shared/api/useSession";
import { useTalk } from "../context";

/** Asked once, beside the conversation and not in its way; nothing is recorded until there is an answer. */
export function Consent() {
  const { t } = useTranslation("talk");
  const asked = useTalk((talk) => talk.conversation.recording?.state === "ask");
  const days = useTalk((talk) => talk.conversation.prepared?.retention.recording_days ?? 0);
  const unanswered = useSession(({ account }) => account?.recording === null);
  const [sending, setSending] = useState(false);
  const [failed, setFailed] = useState(false);
  if (!asked || !unanswered) return null;
  const answer = (recording: boolean): void => {
    setSending(true);
    changeMe({ recording })
      .catch(() => {
        setFailed(true);
      })
      .finally(() => {
        setSending(false);
      });
  };
  return (
    <Alert
      className="consent"
      type={failed ? "warning" : "info"}
      title={failed ? t("recording.failed") : t("recording.ask", { days })}
      description={t("recording.ask_note")}
      action={
        <span className="notice-actions">
          <Button size="small" type="primary" disabled={sending} onClick={() => { answer(true); }}>
            {t("recording.keep")}
          </Button>
          <Button size="small" disabled={sending} onClick={() => { answer(false); }}>
            {t("recording.text")}
          </Button>
        </span>
      }
    />
  );
}
