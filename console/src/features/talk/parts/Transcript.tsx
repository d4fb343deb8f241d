import { Button } from "antd";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useTalk } from "../context";
import { TurnView } from "./TurnView";

/** The conversation as it is written down. Follows its end until somebody scrolls up. */
export function Transcript({ onType }: { onType: () => void }) {
  const { t } = useTranslation("talk");
  const turns = useTalk((talk) => talk.conversation.turns);
  const rate = useTalk((talk) => talk.conversation.prepared?.output.rate ?? 24_000);
  const quiet = useTalk((talk) => talk.microphone.state === "on" && !talk.muted);
  const box = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const slowest = turns.reduce((most, turn) => Math.max(most, turn.audibleMs ?? 0), 0);
  const scaleMs = Math.max(LEAST_SCALE_MS, Math.ceil(slowest / 500) * 500);

  useLayoutEffect(() => {
    const element = box.current;
    if (following && element !== null) element.scrollTop = element.scrollHeight;
  }, [turns, following]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    // The box changes its height with notices and keyboards; the end stays in view.
    const observer = new ResizeObserver(() => {
      if (following) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [following]);

  return (
    <div className="transcript-frame">
      <div
        ref={box}
        className="transcript"
        role="log"
        aria-label={t("log.label")}
        // Nothing is read aloud into an open microphone.
        aria-live={quiet ? "off" : "polite"}
        tabIndex={0}
        onScroll={({ currentTarget }) => {
          const { scrollHeight, scrollTop, clientHeight } = currentTarget;
          setFollowing(scrollHeight - scrollTop - clientHeight < NEAR_END_PX);
        }}
      >
        <ol className="turns">
          {turns.map((turn) => (
            <TurnView key={turn.key} turn={turn} scaleMs={scaleMs} rate={rate} onType={onType} />
          ))}
        </ol>
      </div>
      {!following && (
        <Button
          className="to-latest"
          size="small"
          shape="round"
          onClick={() => {
            setFollowing(true);
          }}
        >
          {t("control.latest")}
        </Button>
      )}
    </div>
  );
}

const LEAST_SCALE_MS = 1000;
const NEAR_END_PX = 48;
