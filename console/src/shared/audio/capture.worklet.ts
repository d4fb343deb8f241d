import { CAPTURE, FRAME_SAMPLES, INPUT_RATE, type CaptureCommand, type CapturedFrame } from "./messages";
import { measure, toInt16 } from "./pcm";
import { Resampler } from "./resample";

/**
 * The microphone as 20 ms frames of 16 kHz. Without an input, and while muted, the frames are silence: the session's
 * time is counted in audio and must go on.
 */
class Capture extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, INPUT_RATE);
  readonly #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  #muted = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<CaptureCommand>) => {
      this.#muted = data.muted;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0] ?? [];
    const block = this.#muted ? new Float32Array(channels[0]?.length ?? QUANTUM) : mono(channels);
    for (const value of this.#resampler.process(block)) {
      this.#frame[this.#filled++] = value;
      if (this.#filled === FRAME_SAMPLES) this.#send();
    }
    return true;
  }

  #send(): void {
    const { buffer } = toInt16(this.#frame);
    const captured: CapturedFrame = {
      pcm: buffer,
      frame: currentFrame - (FRAME_SAMPLES * sampleRate) / INPUT_RATE,
      level: measure(this.#frame),
    };
    this.port.postMessage(captured, [buffer]);
    this.#filled = 0;
  }
}

/** Frames of a block where there is no input to count them. */
const QUANTUM = 128;

function mono(channels: Float32Array[]): Float32Array {
  const first = channels[0];
  if (first === undefined) return new Float32Array(QUANTUM);
  if (channels.length === 1) return first;
  return first.map((_, i) => channels.reduce((sum, channel) => sum + (channel[i] ?? 0), 0) / channels.length);
}

registerProcessor(CAPTURE, Capture);
