import { useRef, useState } from "react";

import { decibels, type Level } from "@/shared/audio/pcm";
import { useFrame } from "./useFrame";

export type Loudness = "silent" | "soft" | "good" | "loud";

interface MeterProps {
  level: () => Level;
  /** What is captured does not leave the page. */
  sent: boolean;
  label: string;
  /** The text twin for those who do not see the bar. */
  words: (loudness: Loudness) => string;
}

/** RMS as a bar and the peak as a tick, from -60 to 0 dB, 20 times a second, drawn outside React. */
export function Meter({ level, sent, label, words }: MeterProps) {
  const bar = useRef<HTMLDivElement>(null);
  const drawn = useRef({ at: 0, said: 0, peak: -60 });
  const [loudness, setLoudness] = useState<Loudness>("silent");
  useFrame((now) => {
    const state = drawn.current;
    if (now - state.at < DRAW_MS) return;
    state.at = now;
    const { rms, peak } = level();
    const db = decibels(rms);
    // The peak falls back slowly, so that the eye can catch it.
    state.peak = Math.max(decibels(peak), state.peak - 1.5);
    bar.current?.style.setProperty("--level", String((db + 60) / 60));
    bar.current?.style.setProperty("--peak", String((state.peak + 60) / 60));
    if (now - state.said < WORDS_MS) return;
    state.said = now;
    setLoudness(state.peak < -50 ? "silent" : state.peak < -32 ? "soft" : state.peak > -1 ? "loud" : "good");
  });
  return (
    <div className={`meter${sent ? "" : " meter-unsent"}`} role="img" aria-label={`${label}: ${words(loudness)}`}>
      <div ref={bar} className="meter-track">
        <div className="meter-bar" />
        <div className="meter-peak" />
      </div>
    </div>
  );
}

const DRAW_MS = 50;
const WORDS_MS = 3000;
