import { CaretRightOutlined, EditOutlined, RightOutlined, ScissorOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { memo, useEffect, useMemo, useRef, type MouseEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { Link } from "@/shared/router/router";
import { TimingBar } from "@/shared/ui/TimingBar";
import { beginOf, cueAt, cuesOf, piecesOf, turnAt, wasCut } from "./cues";
import type { ReplayPlayer } from "./player";
import type { Span } from "./timeline";
import type { Turn } from "./types";
import { useStageName } from "./useStageName";

interface TranscriptProps {
  player: ReplayPlayer;
  spans: readonly Span[];
  turns: readonly Turn[];
  /** The turn that is opened beside it. */
  selected?: number | undefined;
  /** Where a turn can be opened; absent: nowhere. */
  hrefOf?: ((turn: Turn) => string) | undefined;
  /** Sound was kept of this conversation at all; else nothing is said of it turn by turn. */
  recorded: boolean;
}

/** How long after somebody has scrolled the page keeps still, ms. */
const HANDS_OFF_MS = 4000;

/** What was said, in step with the sound: the word that is being played is marked, a click on one goes there. */
export function Transcript({ player, spans, turns, selected, hrefOf, recorded }: TranscriptProps) {
  const { t } = useTranslation("replay");
  const list = useRef<HTMLOListElement>(null);
  useMarks(list, player, turns);
  const scaleMs = useMemo(() => Math.max(1000, ...turns.map(({ response_ms }) => response_ms ?? 0)), [turns]);
  const click = (event: MouseEvent): void => {
    if (!(event.target instanceof Element) || getSelection()?.isCollapsed === false) return;
    const from = event.target.closest<HTMLElement>("[data-from]")?.dataset["from"];
    if (from === undefined || spans.length === 0) return;
    player.seek(Number(from));
  };
  return (
    // By keyboard the same is done with each turn's «Play from here», the arrows and the brackets.
    <ol className="turns replay-turns" aria-label={t("turns.label")} ref={list} onClick={click}>
      {turns.map((turn, i) => (
        <TurnLine
          key={turn.reply}
          turn={turn}
          number={i + 1}
          scaleMs={scaleMs}
          selected={selected === turn.reply}
          href={hrefOf?.(turn)}
          sounds={sounds(turn, spans)}
          recorded={recorded}
          player={player}
        />
      ))}
    </ol>
  );
}

/** Whether any of it can be heard. */
function sounds(turn: Turn, spans: readonly Span[]): boolean {
  const from = beginOf(turn);
  const to = Math.max(turn.said_to_ms ?? 0, turn.heard_to_ms ?? 0);
  return from !== null && spans.some((span) => span.from < to && from < span.to);
}

interface TurnLineProps {
  turn: Turn;
  number: number;
  scaleMs: number;
  selected: boolean;
  href: string | undefined;
  sounds: boolean;
  recorded: boolean;
  player: ReplayPlayer;
}

const TurnLine = memo(function TurnLine({ turn, number, scaleMs, selected, href, sounds: audible, recorded, player }: TurnLineProps) {
  const { t } = useTranslation("replay");
  const from = beginOf(turn);
  const hidden = turn.said === null && turn.heard === null;
  return (
    <li className="turn replay-turn" data-reply={turn.reply} data-row data-selected={selected || undefined}>
      {hidden ? (
        <div className="line">
          <span className="who" />
          <p className="quiet">{t("turns.hidden")}</p>
        </div>
      ) : (
        <Words turn={turn} seeks={audible} />
      )}
      {recorded && !audible && !hidden && (turn.typed ? (turn.heard ?? "") !== "" : true) && <p className="turn-note quiet">{t("turns.no_sound")}</p>}
      {turn.errors.map((code) => (
        <p key={code} className="turn-note turn-error">
          {t(`error.${code}` as "error.asr_failed", { defaultValue: code })}
        </p>
      ))}
      <div className="turn-foot">
        {turn.response_ms !== null && <Timing turn={turn} ms={turn.response_ms} scaleMs={scaleMs} />}
        {audible && from !== null && (
          <Button
            type="text"
            size="small"
            icon={<CaretRightOutlined />}
            aria-label={t("turns.play_of", { number })}
            onClick={() => {
              player.seek(from);
              player.play();
            }}
          >
            {t("turns.play")}
          </Button>
        )}
        {href !== undefined && (
          <Link className="turn-open" to={href} {...(selected ? { "aria-current": "true" as const } : {})}>
            {t("turns.open", { number })} <RightOutlined aria-hidden />
          </Link>
        )}
      </div>
    </li>
  );
});

function Words({ turn, seeks }: { turn: Turn; seeks: boolean }) {
  const { t } = useTranslation("replay");
  const pieces = useMemo(() => piecesOf(turn), [turn]);
  const { said, said_from_ms, language, typed } = turn;
  return (
    <>
      {said !== null && said !== "" && (
        <div className="line line-you">
          <span className="who">{t("side.you")}</span>
          <p className="words" lang={language}>
            <span className="said" data-side="you" {...(seeks && said_from_ms !== null ? { "data-from": said_from_ms } : {})}>
              {said}
            </span>
            {typed && <EditOutlined className="typed" aria-label={t("turns.typed")} title={t("turns.typed")} />}
          </p>
        </div>
      )}
      {(pieces.length > 0 || turn.errors.length === 0) && (
        <div className="line line-reply">
          <span className="who">{t("side.reply")}</span>
          {pieces.length === 0 ? (
            <p className="quiet">{t("turns.silent")}</p>
          ) : (
            <p className="words" lang={language}>
              {pieces.map(({ text, from, heard }, i) => (
                <span key={i} className="word" data-side="reply" data-piece={i} data-heard={heard} {...(seeks && from !== null ? { "data-from": from } : {})}>
                  {text}
                </span>
              ))}
              {wasCut(turn) && (
                <span className="cut-mark">
                  <ScissorOutlined aria-hidden /> {t("turns.cut")}
                </span>
              )}
            </p>
          )}
        </div>
      )}
    </>
  );
}

function Timing({ turn, ms, scaleMs }: { turn: Turn; ms: number; scaleMs: number }) {
  const { t, i18n } = useTranslation("replay");
  const name = useStageName();
  const stages = turn.stages.map((stage) => ({ name: name(stage.name), start: stage.start, end: stage.end }));
  return <TimingBar heardMs={ms} scaleMs={scaleMs} stages={stages} text={t("turns.response", { ms: new Intl.NumberFormat(i18n.language).format(ms) })} title={t("turns.stages")} />;
}

/** Marks what sounds, straight on the elements: it changes many times a second. */
function useMarks(list: RefObject<HTMLOListElement | null>, player: ReplayPlayer, turns: readonly Turn[]): void {
  const cues = useMemo(() => [cuesOf(turns, "you"), cuesOf(turns, "reply")], [turns]);
  useEffect(() => {
    let marked: Element[] = [];
    let before = "";
    let turn = -1;
    let touchedAt = -Infinity;
    const touched = (): void => {
      touchedAt = performance.now();
    };
    const draw = (): void => {
      const at = player.at();
      const now = cues.map((side) => cueAt(side, at)).filter((cue) => cue !== null);
      const name = now.map(({ reply, side, piece }) => `${reply}.${side}.${piece}`).join();
      if (name !== before) {
        before = name;
        for (const element of marked) element.classList.remove("word-sounding");
        marked = now.flatMap(({ reply, side, piece }) => {
          const found = list.current?.querySelector(`[data-reply="${reply}"] ${side === "you" ? ".said" : `[data-piece="${piece}"]`}`);
          return found === null || found === undefined ? [] : [found];
        });
        for (const element of marked) element.classList.add("word-sounding");
      }
      const here = turnAt(turns, at);
      if (here === turn) return;
      turn = here;
      const reply = turns[here]?.reply;
      if (reply === undefined || !player.store.getState().playing || performance.now() - touchedAt < HANDS_OFF_MS) return;
      list.current?.querySelector(`[data-reply="${reply}"]`)?.scrollIntoView({ block: "nearest" });
    };
    draw();
    const leave = player.watch(draw);
    window.addEventListener("wheel", touched, { passive: true });
    window.addEventListener("touchmove", touched, { passive: true });
    return () => {
      leave();
      for (const element of marked) element.classList.remove("word-sounding");
      window.removeEventListener("wheel", touched);
      window.removeEventListener("touchmove", touched);
    };
  }, [list, player, cues, turns]);
}
