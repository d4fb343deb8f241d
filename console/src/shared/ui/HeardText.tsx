import { ScissorOutlined } from "@ant-design/icons";
import { useLayoutEffect, useMemo, useRef } from "react";

import { heardLength, reached, wordHeard, wordsOf, type Spoken } from "./words";

interface HeardTextProps extends Spoken {
  /** The reply is over. */
  over: boolean;
  /** What was heard of it by the server's count; null: go by what this page has played. */
  heardText: string | null;
  heardMs: () => number;
  lengthMs: () => number;
  watch: (watcher: () => void) => () => void;
  cutLabel: string;
}

/**
 * A reply's words: pale until they have left the loudspeaker, underlined while they do, struck when they never will.
 * Progress comes 50 times a second and goes straight to the elements.
 */
export function HeardText({ text, marks, rate, over, heardText, heardMs, lengthMs, watch, cutLabel }: HeardTextProps) {
  const line = useRef<HTMLSpanElement>(null);
  const words = useMemo(() => wordsOf(text), [text]);
  const frozen = over && heardText !== null ? heardLength(text, heardText) : null;
  const cut = frozen !== null && words.some((word) => !wordHeard(word, frozen));

  useLayoutEffect(() => {
    const draw = (): void => {
      const elements = line.current?.children ?? [];
      const ms = heardMs();
      const { from, to } = frozen === null ? reached({ text, marks, rate }, ms, lengthMs()) : { from: frozen, to: frozen };
      words.forEach((word, i) => {
        const element = elements[i] as HTMLElement | undefined;
        if (element === undefined) return;
        const heard = wordHeard(word, from);
        const sounding = !heard && word.start < to && to > from;
        element.dataset["heard"] = heard ? "true" : over && !sounding ? "false" : "pending";
        element.classList.toggle("word-sounding", sounding && !over);
      });
    };
    draw();
    return frozen === null ? watch(draw) : undefined;
  }, [words, text, marks, rate, over, frozen, heardMs, lengthMs, watch]);

  return (
    <>
      <span ref={line} className="heard-text">
        {words.map((word) => (
          <span key={word.start} className="word">
            {word.text}
          </span>
        ))}
      </span>
      {cut && (
        <span className="cut-mark">
          <ScissorOutlined aria-hidden /> {cutLabel}
        </span>
      )}
    </>
  );
}
