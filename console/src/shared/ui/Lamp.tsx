import {
  AudioMutedOutlined,
  AudioOutlined,
  DisconnectOutlined,
  HourglassOutlined,
  LoadingOutlined,
  PauseOutlined,
  ReloadOutlined,
  SoundOutlined,
} from "@ant-design/icons";
import { useRef, type ComponentType, type PointerEvent } from "react";

import { useFrame } from "./useFrame";

/** How it looks; several states of the conversation may look alike. */
export type LampLook =
  | "ready"
  | "busy"
  | "waiting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "ducked"
  | "held"
  | "interrupted"
  | "muted"
  | "paused"
  | "reconnecting"
  | "blocked"
  | "ended";

interface LampProps {
  look: LampLook;
  state: string;
  /** Says the state and what a tap does. */
  name: string;
  gain: number;
  input: () => number;
  output: () => number;
  /** What tests read, and nothing else. */
  data: () => { reply: number; playedMs: number; gaps: number };
  onTap: () => void;
  /** Absent where holding means nothing now; a release still comes to what was pressed before. */
  onPress?: () => void;
  onRelease: () => void;
}

const ICONS: Partial<Record<LampLook, ComponentType>> = {
  ready: AudioOutlined,
  busy: LoadingOutlined,
  waiting: HourglassOutlined,
  listening: AudioOutlined,
  hearing: AudioOutlined,
  interrupted: AudioOutlined,
  muted: AudioMutedOutlined,
  paused: PauseOutlined,
  held: PauseOutlined,
  reconnecting: DisconnectOutlined,
  blocked: SoundOutlined,
  ended: ReloadOutlined,
};

const BARS = 7;
const EACH_BAR = Array.from({ length: BARS }, (_, i) => i);

/** Start, state and stop in one round control. Loudness is drawn outside React, one frame behind the sound. */
export function Lamp({ look, state, name, gain, input, output, data, onTap, onPress, onRelease }: LampProps) {
  const button = useRef<HTMLButtonElement>(null);
  const heights = useRef<number[]>(EACH_BAR.map(() => 0));
  const pressed = useRef(false);
  const byPointer = useRef(false);
  useFrame(() => {
    const element = button.current;
    if (element === null) return;
    const { reply, playedMs, gaps } = data();
    element.dataset["reply"] = String(reply);
    element.dataset["playedMs"] = String(Math.round(playedMs));
    element.dataset["gaps"] = String(gaps);
    element.style.setProperty("--input", String(Math.min(1, input() * 6)));
    const still = look === "held";
    if (!still) heights.current = [...heights.current.slice(1), Math.min(1, output() * 5)];
    heights.current.forEach((height, i) => {
      // Newest in the middle, older ones to both sides: it reads as a voice, not as a ticker.
      const bar = element.querySelector<HTMLElement>(`[data-bar="${i}"]`);
      const age = Math.abs(i - (BARS - 1) / 2) * 2;
      bar?.style.setProperty("--h", String(Math.max(0.12, (heights.current[BARS - 1 - age] ?? height) * gain)));
    });
  });

  const release = (event: PointerEvent): void => {
    if (!pressed.current) return;
    pressed.current = false;
    event.currentTarget.releasePointerCapture(event.pointerId);
    onRelease();
  };
  const Icon = ICONS[look];
  return (
    <button
      ref={button}
      type="button"
      className={`lamp lamp-${look}`}
      data-state={state}
      aria-label={name}
      onPointerDown={(event) => {
        byPointer.current = false;
        if (onPress === undefined || event.button !== 0) return;
        pressed.current = byPointer.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        onPress();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onClick={(event) => {
        // After a hold the pointer has done it already; a click without one comes from the keyboard or a reader.
        if (!byPointer.current || event.detail === 0) onTap();
      }}
      onContextMenu={(event) => {
        event.preventDefault();
      }}
    >
      <span className="lamp-ring" />
      <span className="lamp-disc">
        {look === "thinking" ? (
          <span className="lamp-arc" />
        ) : Icon === undefined ? (
          <span className="lamp-bars">
            {EACH_BAR.map((i) => (
              <span key={i} data-bar={i} />
            ))}
          </span>
        ) : (
          <Icon />
        )}
      </span>
    </button>
  );
}
