import { AudioMutedOutlined, AudioOutlined, PoweroffOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";

import { useTalk, useTalkParts } from "../context";
import { TalkLamp } from "./TalkLamp";

/** While a conversation goes on and one looks at another page: there is never a live microphone without it. */
export function MiniBar({ onOpen }: { onOpen: () => void }) {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const running = useTalk(({ conversation: { line } }) => line === "connecting" || line === "up" || line === "lost");
  const muted = useTalk((talk) => talk.muted);
  if (!running) return null;
  const mute = t(muted ? "control.unmute" : "control.mute");
  return (
    <aside className="mini" aria-label={t("mini.label")}>
      <TalkLamp disabled={false} />
      <span className="mini-actions">
        <Button
          icon={muted ? <AudioMutedOutlined /> : <AudioOutlined />}
          aria-pressed={muted}
          onClick={() => {
            session.setMuted(!muted);
          }}
        >
          {mute}
        </Button>
        <Button
          icon={<PoweroffOutlined />}
          onClick={() => {
            session.end();
          }}
        >
          {t("control.end")}
        </Button>
        <Button type="link" onClick={onOpen}>
          {t("mini.open")}
        </Button>
      </span>
    </aside>
  );
}
