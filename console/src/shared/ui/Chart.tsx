import { Segmented } from "antd";
import { useEffect, useId, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";

export interface Series {
  name: string;
  /** A colour token, such as `var(--you)`. */
  colour: string;
  /** The same count as there are times; null: nothing was there, and the line has a gap. */
  values: readonly (number | null)[];
  kind: "line" | "bars";
  /** Apart by shape as well as by colour. */
  dashed?: boolean;
}

interface ChartProps {
  title: string;
  unit: string;
  times: readonly Date[];
  series: readonly Series[];
  /** How a time is written, in the axis and the table. */
  time: (time: Date) => string;
}

const HEIGHT = 180;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 24;

/** Values over time, from zero; a table stands behind it. Gaps are gaps. */
export function Chart({ title, unit, times, series, time }: ChartProps) {
  const { t, i18n } = useTranslation("problems");
  const heading = useId();
  const [view, setView] = useState<"chart" | "table">("chart");
  const number = new Intl.NumberFormat(i18n.language);
  const shown = (value: number | null): string => (value === null ? "–" : number.format(value));
  return (
    <section className="card chart" aria-labelledby={heading}>
      <div className="page-head">
        <h3 id={heading}>
          {title} <span className="quiet">{unit}</span>
        </h3>
        <span className="grow" />
        <Segmented
          size="small"
          aria-label={title}
          value={view}
          options={[
            { value: "chart" as const, label: t("chart.chart") },
            { value: "table" as const, label: t("chart.table") },
          ]}
          onChange={setView}
        />
      </div>
      {view === "chart" ? (
        <>
          <ul className="legend">
            {series.map(({ name, colour, kind, dashed }) => (
              <li key={name}>
                <svg width="20" height="10" aria-hidden>
                  {kind === "bars" ? <rect x="5" y="1" width="10" height="9" style={{ fill: colour }} /> : <line x1="0" x2="20" y1="5" y2="5" strokeWidth="2" style={{ stroke: colour }} strokeDasharray={dashed === true ? "5 3" : undefined} />}
                </svg>
                {name}
              </li>
            ))}
          </ul>
          <Drawing title={title} times={times} series={series} time={time} shown={shown} />
        </>
      ) : (
        <div className="rows-frame chart-table" tabIndex={0} role="region" aria-labelledby={heading}>
          <table className="rows rows-kept">
            <thead>
              <tr>
                <th scope="col">{t("chart.time")}</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((each, i) => (
                <tr key={each.getTime()}>
                  <td>{time(each)}</td>
                  {series.map(({ name, values }) => (
                    <td key={name} className="number">
                      {shown(values[i] ?? null)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface DrawingProps extends Pick<ChartProps, "title" | "times" | "series" | "time"> {
  shown: (value: number | null) => string;
}

function Drawing({ title, times, series, time, shown }: DrawingProps) {
  const [at, setAt] = useState<number | null>(null);
  const [frame, width] = useWidth();
  const top = niceTop(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const step = (width - LEFT - RIGHT) / Math.max(1, times.length);
  const x = (i: number): number => LEFT + (i + 0.5) * step;
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const keys = (event: KeyboardEvent): void => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    setAt(Math.min(times.length - 1, Math.max(0, (at ?? (move > 0 ? -1 : times.length)) + move)));
  };
  const here = at === null ? undefined : times[at];
  const said = here === undefined ? "" : `${time(here)}: ${series.map(({ name, values }) => `${name} ${shown(values[at ?? 0] ?? null)}`).join(", ")}`;
  const labels = labelled(times.length, Math.max(2, Math.floor((width - LEFT) / 76)));
  return (
    <div className="chart-frame" ref={frame}>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={said === "" ? title : `${title}. ${said}`}
        tabIndex={0}
        onKeyDown={keys}
        onPointerLeave={() => {
          setAt(null);
        }}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const i = Math.floor((((event.clientX - box.left) / box.width) * width - LEFT) / step);
          setAt(i >= 0 && i < times.length ? i : null);
        }}
      >
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line className="chart-grid" x1={LEFT} x2={width - RIGHT} y1={y(top * part)} y2={y(top * part)} />
            <text className="chart-label" x={LEFT - 6} y={y(top * part) + 4} textAnchor="end">
              {shown(Math.round(top * part * 10) / 10)}
            </text>
          </g>
        ))}
        {times.map((each, i) =>
          labels(i) ? (
            <text key={each.getTime()} className="chart-label" x={x(i)} y={HEIGHT - 6} textAnchor="middle">
              {time(each)}
            </text>
          ) : null,
        )}
        {series.map(({ name, colour, kind, values, dashed }) =>
          kind === "bars" ? (
            <g key={name} style={{ fill: colour }}>
              {values.map((value, i) => (value === null || value === 0 ? null : <rect key={i} x={x(i) - step * 0.35} width={Math.max(1, step * 0.7)} y={y(value)} height={y(0) - y(value)} />))}
            </g>
          ) : (
            <g key={name} style={{ stroke: colour, fill: colour }}>
              {runs(values).map((run) => (
                <polyline key={run[0]?.i} fill="none" strokeWidth="2" strokeDasharray={dashed === true ? "5 3" : undefined} points={run.map(({ i, value }) => `${x(i)},${y(value)}`).join(" ")} />
              ))}
              {/* A point with nothing beside it would have no line. */}
              {runs(values).map((run) => (run.length === 1 && run[0] !== undefined ? <circle key={run[0].i} cx={x(run[0].i)} cy={y(run[0].value)} r="3" stroke="none" /> : null))}
            </g>
          ),
        )}
        {at !== null && <line className="chart-cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={HEIGHT - BOTTOM} />}
      </svg>
      <p className="chart-said" aria-live="polite">
        {said || " "}
      </p>
    </div>
  );
}

/** Px of the frame: text keeps its size, whatever the width. */
function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(480);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      setWidth(Math.max(240, Math.round(element.clientWidth)));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return [frame, width];
}

/** Stretches without a gap. */
export function runs(values: readonly (number | null)[]): { i: number; value: number }[][] {
  const found: { i: number; value: number }[][] = [];
  let open = false;
  values.forEach((value, i) => {
    if (value !== null) {
      if (open) found.at(-1)?.push({ i, value });
      else found.push([{ i, value }]);
    }
    open = value !== null;
  });
  return found;
}

/** The next round number above: 1, 2 or 5 with zeros. */
export function niceTop(most: number): number {
  if (most <= 1) return 1;
  const size = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((factor) => factor * size >= most) ?? 10) * size;
}

/** As many labels as have room, however many places there are. */
function labelled(count: number, room: number): (i: number) => boolean {
  const each = Math.max(1, Math.ceil(count / room));
  return (i) => i % each === Math.floor(each / 2);
}
