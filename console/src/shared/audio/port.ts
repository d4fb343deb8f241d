import type { Level } from "./pcm";

/** Why there is no microphone, in words that the page has sentences for. */
export type MicrophoneProblem = "denied" | "missing" | "busy" | "insecure" | "unplugged" | "system";

export interface MicrophoneInfo {
  label: string;
  deviceId: string;
  /** As the track reports it, not as it was asked. */
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
  /** The remembered device was gone and another one took its place. */
  fellBack: boolean;
}

export interface CapturedSound {
  /** 20 ms of signed 16-bit samples at 16 kHz. */
  pcm: ArrayBuffer;
  /** Seconds of the audio context. */
  at: number;
  level: Level;
}

/** What the audio engine tells. All calls come from the page's own thread, in order. */
export interface AudioListener {
  captured(sound: CapturedSound): void;
  /** To be told to the server. */
  played(reply: number, ms: number): void;
  /** What has left the loudspeaker, about 50 times a second. */
  heard(reply: number, ms: number): void;
  /** The first sample of a reply leaves the loudspeaker at this second of the context. */
  audible(reply: number, at: number): void;
  /** Its last sample has left the loudspeaker, as far as it has come or was not flushed. */
  ended(reply: number): void;
  gap(reply: number, ms: number): void;
  /** Whether the browser lets us sound; false also while a call or a lock screen has taken the loudspeaker. */
  running(running: boolean): void;
  /** The microphone went away by itself, or (null) came back. */
  microphoneChanged(problem: MicrophoneProblem | null): void;
}

export type Cue = "open" | "release" | "turn" | "error";

/** Ears and mouth of the page, as the talk session sees them. */
export interface AudioPort {
  readonly levels: Readonly<Levels>;
  /** Seconds of the audio context, the clock of `captured` and `audible`; 0 before there is one. */
  now(): number;
  listen(listener: AudioListener): void;
  /**
   * Must be called in the tap itself: browsers let a page sound only from there. Rejects when sound cannot be started at
   * all; the next tap tries again.
   */
  unlock(): Promise<void>;
  /** Rejects with MicrophoneError, or with Superseded. */
  openMicrophone(deviceId: string | null): Promise<MicrophoneInfo>;
  closeMicrophone(): void;
  /** Silence goes on being captured; a track muted for 10 s is stopped, so that the browser's own light goes out. */
  mute(muted: boolean): Promise<void>;
  configure(rate: number): void;
  push(reply: number, offset: number, pcm: Int16Array<ArrayBuffer>): void;
  duck(reply: number, gain: number): void;
  hold(reply: number): void;
  release(reply: number): void;
  flush(reply: number): void;
  finish(reply: number): void;
  /** Tell again how much was heard: the last report may have been lost with the line. */
  repeatPlayed(): void;
  cue(cue: Cue): void;
}

/** Changed in place at every frame; drawn outside React. */
export interface Levels {
  input: Level;
  /** RMS of the reply as it is rendered, 0 to 1. */
  output: number;
}

export class MicrophoneError extends Error {
  override readonly name = "MicrophoneError";

  constructor(readonly problem: MicrophoneProblem) {
    super(`no microphone: ${problem}`);
  }
}

/** A microphone that was asked for is not wanted any more: closed, or another one was asked for meanwhile. */
export class Superseded extends Error {
  override readonly name = "Superseded";
}
