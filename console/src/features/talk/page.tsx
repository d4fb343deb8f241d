import { useQuery } from "@tanstack/react-query";
import { Segmented } from "antd";
import type { TextAreaRef } from "antd/es/input/TextArea";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { healthQuery, type Health } from "@/shared/api/server";
import { prefer } from "@/shared/preferences";
import { usePageKeys } from "@/shared/ui/keys";
import { useTalk, useTalkParts } from "./context";
import { Announcer } from "./parts/Announcer";
import { AppPicker } from "./parts/AppPicker";
import { CameraView } from "./parts/CameraView";
import { Consent } from "./parts/Consent";
import { Controls } from "./parts/Controls";
import { FirstUse } from "./parts/FirstUse";
import { Notices } from "./parts/Notices";
import { PrivacyLine } from "./parts/Privacy";
import { Transcript } from "./parts/Transcript";
import { useKeys } from "./parts/useKeys";
import { Awake } from "./session/awake";
import type { Mode } from "./session/lamp";

interface TalkPageProps {
  help: boolean;
  onHelp: (open: boolean) => void;
}

/** Talk: the lamp, what was said, and nothing in the way. */
export function TalkPage({ help, onHelp }: TalkPageProps) {
  const { session } = useTalkParts();
  const { data: health = NOT_ASKED } = useQuery(healthQuery);
  const empty = useTalk((talk) => talk.conversation.turns.length === 0);
  const running = useTalk((talk) => talk.conversation.line === "up" || talk.conversation.line === "lost");
  const [devices, setDevices] = useState(false);
  const composer = useRef<TextAreaRef>(null);
  useWakeLock();
  useKeyList();
  useEffect(() => {
    const hurry = (): void => {
      session.hurry();
    };
    window.addEventListener("online", hurry);
    return () => {
      window.removeEventListener("online", hurry);
    };
  }, [session]);

  const camera = (): void => {
    const { camera: now, mode } = session.store.getState();
    if (mode === "camera") session.setCamera(now === "on" ? "off" : "on");
  };
  useKeys({
    session,
    camera,
    devices: () => {
      setDevices(!devices);
    },
    help: () => {
      onHelp(!help);
    },
    closeTop: () => {
      if (!devices && !help) return false;
      setDevices(false);
      onHelp(false);
      return true;
    },
  });

  return (
    <main className={empty && !running ? "talk talk-first" : "talk"} id="talk" tabIndex={-1}>
      <div className="talk-head">
        <AppPicker />
        <ModeSwitch />
      </div>
      <CameraView />
      {empty ? (
        <FirstUse health={health} />
      ) : (
        <Transcript
          onType={() => {
            composer.current?.focus();
          }}
        />
      )}
      <Notices />
      <Consent />
      <Controls
        composer={composer}
        ready={health.phase === "ok" || running}
        devicesOpen={devices}
        onDevices={setDevices}
        onCamera={camera}
      />
      <PrivacyLine />
      <Announcer />
    </main>
  );
}

function ModeSwitch() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const mode = useTalk((talk) => talk.mode);
  return (
    <Segmented<Mode>
      className="modes"
      aria-label={t("mode.label")}
      value={mode}
      options={(["turns", "hands-free", "camera"] as const).map((value) => ({ value, label: t(`mode.${value}`) }))}
      onChange={(next) => {
        session.setMode(next);
        session.setCamera(next === "camera" ? "on" : "off");
        prefer({ mode: next });
      }}
    />
  );
}

const KEYS = [
  ["Space", "keys.space"],
  ["M", "keys.m"],
  ["Esc", "keys.esc"],
  ["Enter", "keys.enter"],
  ["V", "keys.v"],
  ["D", "keys.d"],
] as const;

/** For the list of keys; what they do is in useKeys, because some are held. */
function useKeyList(): void {
  const { t } = useTranslation("talk");
  usePageKeys(KEYS.map(([key, words]) => ({ key, words: t(words) })));
}

function useWakeLock(): void {
  const handsFree = useTalk((talk) => talk.mode !== "turns" && talk.conversation.line === "up");
  const awake = useRef<Awake>(null);
  useEffect(() => {
    awake.current ??= new Awake();
    awake.current.set(handsFree);
  }, [handsFree]);
}

/** For the first instant: nothing is shown as wrong before it was asked. */
const NOT_ASKED: Health = { phase: "ok", what: "" };
