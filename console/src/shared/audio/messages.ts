/** Between the page and its two worklets. Sound travels as transferred buffers. */
import type { Level } from "./pcm";
import type { PlayerEvent, Position } from "./player";

export const CAPTURE = "vivavoce-capture";
export const PLAYBACK = "vivavoce-playback";

/** What the server hears. */
export const INPUT_RATE = 16_000;
export const FRAME_MS = 20;
export const FRAME_SAMPLES = (INPUT_RATE * FRAME_MS) / 1000;

export interface CaptureCommand {
  muted: boolean;
}

/** 20 ms of the microphone as it is sent: silence when muted. `frame`: when its first sample was captured. */
export interface CapturedFrame {
  pcm: ArrayBuffer;
  frame: number;
  level: Level;
}

export type PlaybackCommand =
  | { do: "configure"; rate: number }
  | { do: "push"; reply: number; offset: number; pcm: ArrayBuffer }
  | { do: "duck"; reply: number; gain: number }
  | { do: "hold" | "release" | "flush" | "finish"; reply: number };

/** `level`: loudness of the block rendered last, for the lamp's waveform. */
export interface PlaybackReport {
  frame: number;
  position: Position | null;
  level: number;
  events: PlayerEvent[];
}
