import { Tooltip } from "antd";

export interface TimedStage {
  name: string;
  start: number;
  end: number;
}

interface TimingBarProps {
  /** ms from the end of speech to the first sound. */
  heardMs: number;
  /** ms of the whole bar: the same for all turns of a conversation, so that they compare. */
  scaleMs: number;
  stages: TimedStage[];
  text: string;
  title: string;
}

/** One line per turn: zero is the end of speech, the end is the first sound heard, ticks are where stages end. */
export function TimingBar({ heardMs, scaleMs, stages, text, title }: TimingBarProps) {
  const x = (ms: number): string => `${(100 * Math.max(0, Math.min(ms, scaleMs))) / scaleMs}%`;
  const table = (
    <table className="timing-table">
      <caption>{title}</caption>
      <tbody>
        {stages.map((stage) => (
          <tr key={stage.name}>
            <th scope="row">{stage.name}</th>
            <td>{stage.start}</td>
            <td>{stage.end}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
  return (
    <Tooltip title={table} trigger={["hover", "focus"]} placement="top">
      <span className="timing" tabIndex={0}>
        <svg className="timing-bar" height="10" aria-hidden>
          <line x1="0" x2="100%" y1="5" y2="5" className="timing-scale" />
          <line x1="0" x2={x(heardMs)} y1="5" y2="5" className="timing-line" />
          <line x1="0.5" x2="0.5" y1="1" y2="9" className="timing-end" />
          {stages
            .filter((stage) => stage.end > 0 && stage.end < heardMs)
            .map((stage) => (
              <circle key={stage.name} cx={x(stage.end)} cy="5" r="2" className="timing-tick" />
            ))}
          <line x1={x(heardMs)} x2={x(heardMs)} y1="1" y2="9" className="timing-end" />
        </svg>
        <span className="timing-text">{text}</span>
      </span>
    </Tooltip>
  );
}
