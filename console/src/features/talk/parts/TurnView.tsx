import { CopyOutlined, EditOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";

import { HeardText } from "@/shared/ui/HeardText";
import { TimingBar, type TimedStage } from "@/shared/ui/TimingBar";
import { useTalkParts } from "../context";
import type { Reply, Turn } from "../session/conversation";

interface TurnViewProps {
  turn: Turn;
  scaleMs: number;
  rate: number;
  onType: () => void;
}

/** What was said, what was answered and heard of it, and how long that took. */
export const TurnView = memo(function TurnView({ turn, scaleMs, rate, onType }: TurnViewProps) {
  const { t } = useTranslation("talk");
  const { said, reply, problem, language } = turn;
  return (
    <li className="turn">
      {said !== null && (
        <div className="line line-you">
          <span className="who">{t("log.you")}</span>
          <p className={said.final ? "words" : "words words-partial"} lang={language}>
            {said.text}
            {said.typed && (
              <Tooltip title={t("log.typed")}>
                <EditOutlined className="typed" aria-label={t("log.typed")} />
              </Tooltip>
            )}
          </p>
        </div>
      )}
      {reply !== null && <ReplyLine reply={reply} rate={rate} language={language} />}
      {turn.audibleMs !== null && <Timing turn={turn} scaleMs={scaleMs} heardMs={turn.audibleMs} />}
      {problem !== null && (
        <div className="turn-problem" role="status">
          <span>{t(`error.${problem.code}` as "error.asr_failed", { defaultValue: problem.message })}</span>
          {problem.code === "asr_failed" && (
            <Button size="small" onClick={onType}>
              {t("log.type_it")}
            </Button>
          )}
        </div>
      )}
    </li>
  );
});

function ReplyLine({ reply, rate, language }: { reply: Reply; rate: number; language: string }) {
  const { t } = useTranslation("talk");
  const { progress } = useTalkParts().session;
  const { number } = reply;
  return (
    <div className="line line-reply">
      <span className="who">{t("log.reply")}</span>
      <p className="words" lang={language}>
        <HeardText
          text={reply.text}
          marks={reply.marks}
          rate={rate}
          over={reply.done !== null}
          heardText={reply.done === "completed" ? (reply.heardText ?? reply.text) : reply.heardText}
          heardMs={() => progress.heardMs(number)}
          lengthMs={() => (reply.done === null ? Math.max(progress.lengthMs(number), 1) : progress.lengthMs(number))}
          watch={(watcher) => progress.watch(watcher)}
          cutLabel={t("log.cut")}
        />
        {reply.text !== "" && reply.done !== null && <CopyButton text={reply.text} />}
      </p>
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const { t } = useTranslation("talk");
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
    });
  };
  return (
    <Tooltip title={copied ? t("log.copied") : t("log.copy")}>
      <Button className="copy" type="text" size="small" icon={<CopyOutlined />} aria-label={t("log.copy")} onClick={copy} />
    </Tooltip>
  );
}

function Timing({ turn, scaleMs, heardMs }: { turn: Turn; scaleMs: number; heardMs: number }) {
  const { t } = useTranslation("talk");
  const { metrics, reply } = turn;
  const stages: TimedStage[] = (metrics?.stages ?? []).map((stage) => ({ ...stage, name: t(`timing.${stage.name}`) }));
  if (metrics !== null) {
    if (metrics.queue_ms > 0) stages.unshift({ name: t("timing.queue"), start: 0, end: metrics.queue_ms });
    stages.push({ name: t("timing.network"), start: Math.min(metrics.response_ms, heardMs), end: heardMs });
  }
  const gaps = reply?.gaps ?? 0;
  const text = t("timing.heard", { ms: heardMs }) + (gaps > 0 ? ` · ${t("timing.gaps", { count: gaps })}` : "");
  return <TimingBar heardMs={heardMs} scaleMs={scaleMs} stages={stages} text={text} title={t("timing.stages")} />;
}
