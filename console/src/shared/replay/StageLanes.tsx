import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { extentOf, placeOn, ticksOn } from "./lanes";

export interface Lane {
  key: string;
  name: string;
  /** ms from the end of speech. */
  start: number;
  end: number;
  /** What is known of it, beside the bar. */
  detail?: ReactNode;
  act?: ReactNode;
  failed?: boolean;
  /** It ended because somebody stopped it. */
  cut?: boolean;
}

interface StageLanesProps {
  lanes: readonly Lane[];
  /** What the user heard: it begins on the axis and goes on beyond it. */
  heard: Lane | null;
  label: string;
  /** What zero is. */
  zero: string;
}

const TICKS = 6;
const percent = (part: number): string => `${part * 100}%`;

/** The stages of a turn on one axis: those that overlap are drawn overlapping, never stacked into a sum. */
export function StageLanes({ lanes, heard, label, zero }: StageLanesProps) {
  const { t, i18n } = useTranslation("replay");
  const number = new Intl.NumberFormat(i18n.language);
  const extent = extentOf(lanes, heard?.start ?? null);
  const ticks = ticksOn(extent, TICKS);
  const all = heard === null ? lanes : [...lanes, heard];
  const grid = ticks.map((tick) => (
    <line key={tick} className={tick === 0 ? "lane-zero" : "lane-tick"} x1={percent(placeOn(extent, tick))} x2={percent(placeOn(extent, tick))} y1="0" y2="100%" />
  ));
  return (
    <div className="lanes" role="table" aria-label={label}>
      <div className="lanes-axis" role="row">
        <span role="columnheader" className="lane-name">
          <span className="visually-hidden">{t("lanes.stage")}</span>
        </span>
        <span role="columnheader" className="lane-bar">
          <span className="visually-hidden">{zero}</span>
          <svg width="100%" height="18" aria-hidden>
            {ticks.map((tick) => (
              <text key={tick} x={percent(placeOn(extent, tick))} y="13" textAnchor={placeOn(extent, tick) < 0.04 ? "start" : placeOn(extent, tick) > 0.96 ? "end" : "middle"}>
                {number.format(tick)}
              </text>
            ))}
          </svg>
        </span>
        <span role="columnheader" className="lane-detail quiet" aria-hidden>
          {zero}
        </span>
      </div>
      {all.map((lane) => (
        <div key={lane.key} className="lane" role="row">
          <span role="rowheader" className="lane-name">
            {lane.name}
          </span>
          <span role="cell" className="lane-bar">
            <span className="visually-hidden">{t("lanes.from_to", { start: number.format(lane.start), end: number.format(lane.end) })}</span>
            <svg width="100%" height="22" aria-hidden>
              {grid}
              <Bar lane={lane} from={placeOn(extent, lane.start)} to={placeOn(extent, lane.end)} beyond={lane.end > extent.to} />
            </svg>
          </span>
          <span role="cell" className="lane-detail">
            <span className="lane-text">{lane.detail}</span>
            {lane.act}
          </span>
        </div>
      ))}
    </div>
  );
}

function Bar({ lane: { key, start, end, failed = false, cut = false }, from, to, beyond }: { lane: Lane; from: number; to: number; beyond: boolean }) {
  const look = failed ? "lane-failed" : `lane-${key}`;
  return (
    <>
      <rect className={`lane-fill ${look}`} data-start={start} data-end={end} x={percent(from)} width={percent(to - from)} y="5" height="12" />
      {/* What took no time that a pixel could show is still there. */}
      <line className={`lane-edge ${look}`} x1={percent(from)} x2={percent(from)} y1="3" y2="19" />
      {cut && !beyond && <line className="lane-cut" x1={percent(to)} x2={percent(to)} y1="2" y2="20" />}
    </>
  );
}
