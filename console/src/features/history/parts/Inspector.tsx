import { ArrowLeftOutlined, CaretRightOutlined, CloseOutlined, LeftOutlined, RightOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { wasCut } from "@/shared/replay/cues";
import type { ReplayPlayer } from "@/shared/replay/player";
import { StageLanes, type Lane } from "@/shared/replay/StageLanes";
import type { Span } from "@/shared/replay/timeline";
import type { Clip, Inspection, Step, Turn } from "@/shared/replay/types";
import { useStageName } from "@/shared/replay/useStageName";
import { CopyButton, StateView } from "@/shared/ui/StateView";
import { inspectionQuery } from "../queries";

interface InspectorProps {
  id: string;
  /** Number of its reply, as the address has it. */
  reply: string;
  words: boolean;
  turns: readonly Turn[];
  player: ReplayPlayer;
  spans: readonly Span[];
  onOpen: (turn: Turn | undefined) => void;
}

/** One turn, opened: beside the conversation on a desk, in its place on a phone. */
export function Inspector({ id, reply, words, turns, player, spans, onOpen }: InspectorProps) {
  const { t } = useTranslation("history");
  const asked = useQuery(inspectionQuery(id, reply, words));
  const here = turns.findIndex((turn) => String(turn.reply) === reply);
  const number = here < 0 ? Number(reply) : here + 1;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  const close = (): void => {
    onOpen(undefined);
  };
  return (
    <aside className="inspector" aria-label={t("inspector.title", { number })}>
      <div className="inspector-head">
        <Button className="inspector-back" type="text" icon={<ArrowLeftOutlined />} aria-label={t("inspector.back")} onClick={close} />
        <h2 ref={heading} tabIndex={-1}>
          {t("inspector.title", { number })}
        </h2>
        <Button
          type="text"
          icon={<LeftOutlined />}
          aria-label={t("inspector.before")}
          aria-keyshortcuts="["
          disabled={here <= 0}
          onClick={() => {
            onOpen(turns[here - 1]);
          }}
        />
        <Button
          type="text"
          icon={<RightOutlined />}
          aria-label={t("inspector.next")}
          aria-keyshortcuts="]"
          disabled={here < 0 || here >= turns.length - 1}
          onClick={() => {
            onOpen(turns[here + 1]);
          }}
        />
        <Button className="inspector-close" type="text" icon={<CloseOutlined />} aria-label={t("inspector.close")} onClick={close} />
      </div>
      <StateView asked={asked} rows={6}>
        {(inspection) => <Opened inspection={inspection} player={player} spans={spans} />}
      </StateView>
    </aside>
  );
}

interface OpenedProps {
  inspection: Inspection;
  player: ReplayPlayer;
  spans: readonly Span[];
}

function Opened({ inspection, player, spans }: OpenedProps) {
  const { t } = useTranslation("history");
  const { turn, steps } = inspection;
  const raw = JSON.stringify(inspection, null, 2);
  return (
    <div className="inspector-body">
      {turn.said !== null && turn.said !== "" && (
        <p className="inspector-said" lang={turn.language}>
          <span className="side-you">{t("inspector.said")}</span> {turn.said}
        </p>
      )}
      {steps.length > 0 ? <Lanes inspection={inspection} player={player} spans={spans} /> : <p className="quiet">{t("inspector.no_stages")}</p>}
      <Facts inspection={inspection} />
      <details className="inspector-raw">
        <summary>{t("inspector.raw")}</summary>
        <CopyButton text={raw} label={t("inspector.copy")} />
        <pre tabIndex={0}>{raw}</pre>
      </details>
    </div>
  );
}

function Lanes({ inspection: { turn, steps, clips }, player, spans }: OpenedProps) {
  const { t, i18n } = useTranslation("history");
  const name = useStageName();
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 });
  const listen = (side: Clip["side"], words: string, long: string): ReactNode => {
    const parts = clips.filter((clip) => clip.side === side);
    const first = parts[0];
    const last = parts.at(-1);
    const [begin, end] = [spans.find(({ id }) => id === first?.recording), spans.find(({ id }) => id === last?.recording)];
    if (first === undefined || last === undefined || begin === undefined || end === undefined) return null;
    return (
      <Button
        size="small"
        icon={<CaretRightOutlined />}
        aria-label={long}
        onClick={() => {
          player.playPart(side === "in" ? "you" : "reply", begin.from + first.from_ms, end.from + last.to_ms);
        }}
      >
        {words}
      </Button>
    );
  };
  const acts: Partial<Record<string, ReactNode>> = { asr: listen("in", t("inspector.in"), t("inspector.play_in")), tts: listen("out", t("inspector.out"), t("inspector.play_out")) };
  const lanes: Lane[] = [...steps]
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map((step) => ({ key: step.name, name: name(step.name), start: step.start, end: step.end, failed: step.error !== "", detail: <Gave step={step} tokens={turn.tokens} />, act: acts[step.name] }));
  const { start, end } = heardFrom(turn);
  const sent = Math.max(...steps.map((step) => step.end));
  if (start !== null && start > sent) lanes.push({ key: "network", name: name("network"), start: sent, end: start });
  const heard: Lane | null =
    start === null || end === null
      ? null
      : {
          key: "heard",
          name: name("heard"),
          start,
          end,
          cut: wasCut(turn),
          detail: t(wasCut(turn) ? "inspector.heard_cut" : "inspector.heard", { seconds: number.format((end - start) / 1000) }),
          act: listen("heard", t("inspector.listen"), t("inspector.play_heard")),
        };
  return <StageLanes lanes={lanes} heard={heard} label={t("inspector.lanes")} zero={t(turn.typed ? "inspector.zero_typed" : "inspector.zero")} />;
}

/** When the reply was heard, on the axis of the stages; null: it was not, or nobody knows from when to count. */
function heardFrom({ said_to_ms, heard_from_ms, heard_to_ms, response_ms }: Turn): { start: number | null; end: number | null } {
  if (heard_from_ms === null || heard_to_ms === null) return { start: null, end: null };
  const start = said_to_ms === null ? response_ms : heard_from_ms - said_to_ms;
  // A client's clock may be a few ms ahead of ours: nothing is heard before it was sent.
  const from = start === null ? null : Math.max(start, response_ms ?? start);
  return { start: from, end: from === null ? null : from + (heard_to_ms - heard_from_ms) };
}

/** By what, and what came of it. */
function Gave({ step: { backend, output, error, name }, tokens }: { step: Step; tokens: Turn["tokens"] }) {
  const { t } = useTranslation("history");
  const { t: replay } = useTranslation("replay");
  const counted = name === "llm" ? Object.entries(tokens).map(([kind, count]) => `${kind} ${count}`) : [];
  return (
    <>
      {[backend, ...counted].filter((part) => part !== "").join(" · ")}
      {error !== "" && <span className="turn-error"> {t("inspector.failed", { why: replay(`error.${error}` as "error.asr_failed", { defaultValue: error }) })}</span>}
      {error === "" && output !== null && output !== "" && <> <q>{output}</q></>}
    </>
  );
}

function Facts({ inspection: { turn } }: { inspection: Inspection }) {
  const { t, i18n } = useTranslation("history");
  const number = new Intl.NumberFormat(i18n.language);
  const facts: [string, string | null][] = [
    [t("fact.response"), turn.response_ms === null ? null : t("list.ms", { ms: number.format(turn.response_ms) })],
    [t("fact.queue"), turn.queue_ms === null || turn.queue_ms === 0 ? null : t("list.ms", { ms: number.format(turn.queue_ms) })],
    [t("fact.confidence"), turn.confidence === null ? null : new Intl.NumberFormat(i18n.language, { style: "percent" }).format(turn.confidence)],
    [t("fact.ended"), t(`reason.${turn.reason}` as "reason.completed", { defaultValue: turn.reason })],
    [t("fact.at"), new Date(turn.started_at).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "medium" })],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) =>
        value === null || value === "" ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
