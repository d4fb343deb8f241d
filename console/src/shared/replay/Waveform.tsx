import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { clockText } from "./clockText";
import { beginOf, wasCut } from "./cues";
import type { ReplayPlayer } from "./player";
import { columns, type Span, type Wave } from "./timeline";
import type { Side, Turn } from "./types";

interface WaveformProps {
  player: ReplayPlayer;
  spans: readonly Span[];
  waves: readonly Wave[];
  turns: readonly Turn[];
  lengthMs: number;
}

/** Px of one column, and of the space after it. */
const COLUMN = 3;
const LANE = 32;
const SIDES: readonly Side[] = ["you", "reply"];

/**
 * Both sides of a conversation, drawn from the server's peaks before any sound is here. Own SVG: a library for it weighs
 * 12 KB and writes its styles into a shadow root; this takes its colours from the page's tokens.
 */
export function Waveform({ player, spans, waves, turns, lengthMs }: WaveformProps) {
  const { t } = useTranslation("replay");
  const [frame, width] = useWidth();
  const line = useRef<SVGGElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const count = Math.max(1, Math.floor(width / COLUMN));
  const range = useMemo(() => [0, Math.max(1, lengthMs)] as const, [lengthMs]);
  const paths = useMemo(() => SIDES.map((side) => ({ side, d: path(columns(waves, side, range, count)) })), [waves, range, count]);
  const x = (ms: number): number => (ms / range[1]) * count * COLUMN;

  useEffect(() => {
    const scale = (count * COLUMN) / range[1];
    const draw = (): void => {
      const at = player.at();
      line.current?.setAttribute("transform", `translate(${(at * scale).toFixed(1)} 0)`);
      const second = String(Math.floor(at / 1000));
      if (slider.current === null || slider.current.getAttribute("aria-valuenow") === second) return;
      slider.current.setAttribute("aria-valuenow", second);
      slider.current.setAttribute("aria-valuetext", clockText(at));
    };
    draw();
    return player.watch(draw);
  }, [player, range, count]);

  const seek = (event: PointerEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    player.seek(Math.min(range[1], Math.max(0, ((event.clientX - box.left) / box.width) * range[1])));
  };
  const keys = (event: KeyboardEvent): void => {
    const to = { Home: 0, End: range[1], PageUp: player.at() - 30_000, PageDown: player.at() + 30_000 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    player.seek(Math.min(range[1], Math.max(0, to)));
  };
  return (
    <div className="wave">
      <div className="wave-names" aria-hidden>
        <span className="side-you">{t("side.you")}</span>
        <span className="side-reply">{t("side.reply")}</span>
      </div>
      <div
        ref={slider}
        className="wave-frame"
        role="slider"
        tabIndex={0}
        aria-label={t("player.position")}
        aria-valuemin={0}
        aria-valuemax={Math.ceil(range[1] / 1000)}
        aria-valuenow={0}
        onKeyDown={keys}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) seek(event);
        }}
      >
        <div ref={frame}>
          <svg viewBox={`0 0 ${count * COLUMN} ${2 * LANE}`} preserveAspectRatio="none" height={2 * LANE} width="100%" aria-hidden>
            {spans.map(({ id, from, to }) => (
              <rect key={id} className="wave-kept" x={x(from)} width={Math.max(1, x(to) - x(from))} y={0} height={2 * LANE} />
            ))}
            {turns.map((turn) => {
              const begin = beginOf(turn);
              return begin === null ? null : <line key={turn.reply} className="wave-turn" x1={x(begin)} x2={x(begin)} y1={0} y2={2 * LANE} />;
            })}
            {paths.map(({ side, d }, i) => (
              <path key={side} className={`wave-${side}`} d={d} transform={`translate(0 ${(i + 0.5) * LANE})`} />
            ))}
            {turns.map((turn) =>
              wasCut(turn) && turn.heard_to_ms !== null ? <line key={turn.reply} className="wave-cut" x1={x(turn.heard_to_ms)} x2={x(turn.heard_to_ms)} y1={LANE + 2} y2={2 * LANE - 2} /> : null,
            )}
            <g ref={line}>
              <line className="wave-line" x1={0} x2={0} y1={0} y2={2 * LANE} />
            </g>
          </svg>
        </div>
      </div>
    </div>
  );
}

/** A bar for each column that was recorded, around the middle of its lane. */
function path(loudness: readonly (number | null)[]): string {
  const parts: string[] = [];
  loudness.forEach((value, i) => {
    if (value === null) return;
    const half = Math.max(0.5, Math.sqrt(value) * (LANE / 2 - 2));
    parts.push(`M${i * COLUMN} ${(-half).toFixed(1)}h${COLUMN - 1}v${(2 * half).toFixed(1)}h${1 - COLUMN}z`);
  });
  return parts.join("");
}

function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      setWidth(Math.max(120, element.clientWidth));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return [frame, width];
}
