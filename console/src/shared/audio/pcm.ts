/** Between floats in [-1, 1] and signed 16-bit samples, and what the meter shows. */

export function toInt16(samples: Float32Array): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.max(-1, Math.min(1, samples[i] ?? 0));
    pcm[i] = Math.round(value * 32767);
  }
  return pcm;
}

/** Little-endian bytes as samples, whatever the machine; `bytes` must hold whole samples. */
export function fromBytes(bytes: Uint8Array): Int16Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pcm = new Int16Array(bytes.byteLength >> 1);
  for (let i = 0; i < pcm.length; i++) pcm[i] = view.getInt16(2 * i, true);
  return pcm;
}

export interface Level {
  /** 0 to 1, linear. */
  rms: number;
  peak: number;
}

export const SILENCE: Level = { rms: 0, peak: 0 };

export function measure(samples: Float32Array): Level {
  let sum = 0;
  let peak = 0;
  for (const value of samples) {
    sum += value * value;
    peak = Math.max(peak, Math.abs(value));
  }
  return { rms: samples.length === 0 ? 0 : Math.sqrt(sum / samples.length), peak };
}

/** Decibels of full scale, not below `floor`. */
export function decibels(value: number, floor = -60): number {
  return value <= 0 ? floor : Math.max(floor, 20 * Math.log10(value));
}
