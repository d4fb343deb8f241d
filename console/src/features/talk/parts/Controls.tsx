import { AudioMutedOutlined, AudioOutlined, PoweroffOutlined, StopOutlined, VideoCameraOutlined } from "@ant-design/icons";
import { Button } from "antd";
import type { TextAreaRef } from "antd/es/input/TextArea";
import type { Ref } from "react";
import { useTranslation } from "react-i18next";

import { Meter } from "@/shared/ui/Meter";
import { useTalk, useTalkParts } from "../context";
import { Composer } from "./Composer";
import { DevicesPopover } from "./DevicesPopover";
import { TalkLamp, useLampState } from "./TalkLamp";

interface ControlsProps {
  composer: Ref<TextAreaRef>;
  ready: boolean;
  devicesOpen: boolean;
  onDevices: (open: boolean) => void;
  onCamera: () => void;
}

/** The lamp and what stands beside it, in thumb reach on a phone. */
export function Controls({ composer, ready, devicesOpen, onDevices, onCamera }: ControlsProps) {
  return (
    <div className="controls">
      <div className="lamp-row">
        <MuteButton />
        <TalkLamp disabled={!ready} />
        <div className="beside">
          <CameraButton onCamera={onCamera} />
          <StopButton />
          <EndButton />
        </div>
      </div>
      <div className="input-row">
        <Composer ref={composer} />
        <MicrophoneMeter />
        <DevicesPopover open={devicesOpen} onOpen={onDevices} />
      </div>
    </div>
  );
}

function MuteButton() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const muted = useTalk((talk) => talk.muted);
  const running = useTalk((talk) => talk.conversation.line !== "off" && talk.conversation.line !== "ended");
  const label = t(muted ? "control.unmute" : "control.mute");
  return (
    <div className="beside beside-left">
      <Button
        className="round"
        shape="round"
        icon={muted ? <AudioMutedOutlined /> : <AudioOutlined />}
        aria-pressed={muted}
        aria-keyshortcuts="M"
        disabled={!running}
        onClick={() => {
          session.setMuted(!muted);
        }}
      >
        {label}
        <kbd aria-hidden>M</kbd>
      </Button>
    </div>
  );
}

function StopButton() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const state = useLampState();
  const sounding = ["speaking", "ducked", "held", "thinking", "recognising", "synthesising"].includes(state);
  return (
    <Button
      className="round"
      shape="round"
      icon={<StopOutlined />}
      aria-keyshortcuts="Escape"
      disabled={!sounding}
      onClick={() => {
        session.stop();
      }}
    >
      {t("control.stop")}
      <kbd aria-hidden>Esc</kbd>
    </Button>
  );
}

function EndButton() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const running = useTalk((talk) => talk.conversation.line !== "off" && talk.conversation.line !== "ended");
  return (
    <Button
      className="round"
      shape="round"
      type="text"
      icon={<PoweroffOutlined />}
      disabled={!running}
      onClick={() => {
        session.end();
      }}
    >
      {t("control.end")}
    </Button>
  );
}

function CameraButton({ onCamera }: { onCamera: () => void }) {
  const { t } = useTranslation("talk");
  const camera = useTalk((talk) => talk.camera);
  const mode = useTalk((talk) => talk.mode);
  const running = useTalk((talk) => talk.conversation.line !== "off" && talk.conversation.line !== "ended");
  if (mode !== "camera") return null;
  return (
    <Button
      className="round"
      shape="round"
      icon={<VideoCameraOutlined />}
      aria-pressed={camera === "on"}
      aria-keyshortcuts="V"
      disabled={!running}
      onClick={onCamera}
    >
      {t(camera === "on" ? "control.camera_off" : "control.camera_on")}
      <kbd aria-hidden>V</kbd>
    </Button>
  );
}

function MicrophoneMeter() {
  const { t } = useTranslation("talk");
  const { levels } = useTalkParts();
  const on = useTalk((talk) => talk.microphone.state === "on");
  const muted = useTalk((talk) => talk.muted);
  return (
    <span className="meter-block">
      <AudioOutlined aria-hidden />
      <Meter
        level={() => levels.input}
        sent={on && !muted}
        label={t("meter.label")}
        words={(loudness) => t(on && !muted ? `meter.${loudness}` : "meter.not_sent")}
      />
    </span>
  );
}
