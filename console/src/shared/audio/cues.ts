import type { Cue } from "./port";

/** Short tones through the page's own context, so that the echo canceller knows them. About -24 LUFS, ≤ 150 ms. */
export function play(context: BaseAudioContext, output: AudioNode, cue: Cue): void {
  for (const { hertz, at, length } of TONES[cue]) {
    const begin = context.currentTime + at / 1000;
    const end = begin + length / 1000;
    const tone = context.createOscillator();
    const envelope = context.createGain();
    tone.frequency.value = hertz;
    envelope.gain.setValueAtTime(0, begin);
    envelope.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.008);
    envelope.gain.setValueAtTime(LOUDNESS, end - 0.02);
    envelope.gain.linearRampToValueAtTime(0, end);
    tone.connect(envelope).connect(output);
    tone.onended = () => {
      envelope.disconnect();
    };
    tone.start(begin);
    tone.stop(end);
  }
}

const LOUDNESS = 0.09;

/** Rising is open, falling is closed, a third is good news, a low pair is trouble. Times in ms. */
const TONES: Record<Cue, { hertz: number; at: number; length: number }[]> = {
  open: [
    { hertz: 523, at: 0, length: 50 },
    { hertz: 784, at: 50, length: 60 },
  ],
  release: [
    { hertz: 784, at: 0, length: 50 },
    { hertz: 523, at: 50, length: 60 },
  ],
  turn: [
    { hertz: 659, at: 0, length: 70 },
    { hertz: 831, at: 70, length: 80 },
  ],
  error: [
    { hertz: 233, at: 0, length: 60 },
    { hertz: 196, at: 70, length: 80 },
  ],
};
