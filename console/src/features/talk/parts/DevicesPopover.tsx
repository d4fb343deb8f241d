import { SettingOutlined } from "@ant-design/icons";
import { Button, Popover, Segmented, Slider, Switch } from "antd";
import { useEffect, useId, useRef, useState, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { prefer, spokenLanguage, usePreferences, type Language } from "@/shared/preferences";
import { useTalk, useTalkParts } from "../context";

interface DevicesPopoverProps {
  open: boolean;
  onOpen: (open: boolean) => void;
}

export function DevicesPopover({ open, onOpen }: DevicesPopoverProps) {
  const { t } = useTranslation("talk");
  const button = useRef<HTMLButtonElement>(null);
  useOutside(open, button, () => {
    onOpen(false);
  });
  return (
    // Opened by the button and by the key, from one state: with Ant Design's own trigger a click left it closed.
    <Popover
      open={open}
      trigger={[]}
      placement="topRight"
      content={open ? <Devices /> : null}
      destroyOnHidden
    >
      <Button
        ref={button}
        type="text"
        icon={<SettingOutlined />}
        onClick={() => {
          onOpen(!open);
        }}
        aria-label={t("devices.title")}
        aria-expanded={open}
        aria-haspopup="dialog"
      />
    </Popover>
  );
}

function Devices() {
  const { t } = useTranslation("talk");
  const { session, engine, choosesSpeaker } = useTalkParts();
  const preferences = usePreferences();
  const info = useTalk((talk) => talk.microphone.info);
  const on = useTalk((talk) => talk.microphone.state === "on");
  const inputs = useDevices("audioinput");
  const outputs = useDevices("audiooutput");
  const volume = useId();
  const patience = useId();
  const dialog = useFocus();
  return (
    <div ref={dialog} className="devices" role="dialog" aria-label={t("devices.title")} tabIndex={-1}>
      <h2>{t("devices.title")}</h2>
      <Choices
        name={t("devices.microphone")}
        chosen={info?.deviceId ?? preferences.microphone ?? ""}
        fallback={t("devices.default")}
        unnamed={(n) => t("devices.unnamed", { n })}
        devices={inputs}
        choose={(microphone) => {
          prefer({ microphone });
          if (on) session.ears.ask();
        }}
      />
      {inputs.every((device) => device.label === "") && <p className="note">{t("devices.names_later")}</p>}
      {on && <p className="note">{t(info?.echoCancellation === true ? "devices.echo_on" : "devices.echo_off")}</p>}
      {on && <HearYourself />}
      <div className="devices-row">
        <span id={volume}>{t("devices.volume")}</span>
        <Slider
          min={-24}
          max={12}
          value={preferences.volume}
          ariaLabelledByForHandle={volume}
          tooltip={{ formatter: (value) => t("devices.decibels", { value }) }}
          onChange={(decibels) => {
            prefer({ volume: decibels });
            engine.setVolume(decibels);
          }}
        />
        <span className="figure">{t("devices.decibels", { value: preferences.volume })}</span>
      </div>
      {choosesSpeaker && outputs.length > 0 ? (
        <Choices
          name={t("devices.speaker")}
          chosen={preferences.speaker ?? ""}
          fallback={t("devices.speaker_default")}
          unnamed={(n) => t("devices.speaker_unnamed", { n })}
          devices={outputs}
          choose={(speaker) => {
            prefer({ speaker });
            void engine.setSpeaker(speaker ?? "");
          }}
        />
      ) : (
        <p className="note">{t("devices.speaker_system")}</p>
      )}
      <Row label={t("devices.spoken")}>
        <Segmented<Language>
          size="small"
          value={spokenLanguage(preferences)}
          options={[
            { label: "English", value: "en" },
            { label: "中文", value: "zh" },
          ]}
          onChange={(spoken) => {
            prefer({ spoken });
          }}
        />
      </Row>
      <div className="devices-row">
        <span id={patience}>{t("devices.patience")}</span>
        <Slider
          min={0.5}
          max={3}
          step={0.1}
          value={preferences.patience}
          ariaLabelledByForHandle={patience}
          tooltip={{ formatter: (value) => t("devices.patience_value", { value }) }}
          onChange={(value) => {
            prefer({ patience: value });
          }}
        />
        <span className="figure">{t("devices.patience_value", { value: preferences.patience })}</span>
      </div>
      <p className="note">{t("devices.patience_note")}</p>
      <Toggle label={t("devices.barge_in")} on={preferences.interruptByVoice} set={(interruptByVoice) => { prefer({ interruptByVoice }); }} />
      <Toggle label={t("devices.cues")} on={preferences.cues} set={(cues) => { prefer({ cues }); }} />
      <Toggle label={t("devices.single_keys")} on={preferences.singleKeys} set={(singleKeys) => { prefer({ singleKeys }); }} />
    </div>
  );
}

/** A press elsewhere closes it. */
function useOutside(open: boolean, button: RefObject<HTMLElement | null>, close: () => void): void {
  useEffect(() => {
    if (!open) return;
    const press = ({ target }: PointerEvent): void => {
      if (!(target instanceof Element) || target.closest(".devices, .ant-popover") !== null) return;
      if (button.current?.contains(target) !== true) close();
    };
    document.addEventListener("pointerdown", press);
    return () => {
      document.removeEventListener("pointerdown", press);
    };
  }, [open, button, close]);
}

/** The focus goes into what has opened, and back to where it was when that closes. */
function useFocus() {
  const dialog = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    // A popup is placed in the next frame, and until then it is hidden from the focus.
    const frame = requestAnimationFrame(() => {
      element?.focus({ preventScroll: true });
    });
    return () => {
      cancelAnimationFrame(frame);
      const inside = element?.contains(document.activeElement) ?? false;
      if ((inside || document.activeElement === document.body) && before instanceof HTMLElement) before.focus();
    };
  }, []);
  return dialog;
}

function HearYourself() {
  const { t } = useTranslation("talk");
  const { engine } = useTalkParts();
  const [recording, setRecording] = useState(false);
  const listen = (): void => {
    setRecording(true);
    void engine.hearYourself().finally(() => {
      setRecording(false);
    });
  };
  return (
    <div className="devices-row">
      <Button size="small" loading={recording} onClick={listen}>
        {t(recording ? "devices.hear_recording" : "devices.hear_yourself")}
      </Button>
      <span className="note">{t("devices.hear_note")}</span>
    </div>
  );
}

interface ChoicesProps {
  name: string;
  chosen: string;
  fallback: string;
  unnamed: (n: number) => string;
  devices: MediaDeviceInfo[];
  choose: (deviceId: string | null) => void;
}

function Choices({ name, chosen, fallback, unnamed, devices, choose }: ChoicesProps) {
  const group = useId();
  const named = devices.filter((device) => device.deviceId !== "" && device.deviceId !== "default");
  const known = named.some((device) => device.deviceId === chosen);
  const option = (id: string, label: string, checked: boolean): ReactNode => (
    <label key={id} className="choice">
      <input type="radio" name={group} checked={checked} onChange={() => { choose(id === "" ? null : id); }} />
      <span>{label}</span>
    </label>
  );
  return (
    <fieldset className="choices">
      <legend>{name}</legend>
      {option("", fallback, !known)}
      {named.map((device, i) => option(device.deviceId, device.label || unnamed(i + 1), device.deviceId === chosen))}
    </fieldset>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="devices-row devices-spread">
      <span>{label}</span>
      {children}
    </div>
  );
}

function Toggle({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <Row label={label}>
      <Switch size="small" checked={on} onChange={set} aria-label={label} />
    </Row>
  );
}

/** Read when the popover opens and on each change: not every browser tells of changes. */
function useDevices(kind: MediaDeviceKind): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (media === undefined) return;
    let gone = false;
    const read = (): void => {
      void media.enumerateDevices().then((all) => {
        if (!gone) setDevices(all.filter((device) => device.kind === kind));
      });
    };
    read();
    media.addEventListener("devicechange", read);
    return () => {
      gone = true;
      media.removeEventListener("devicechange", read);
    };
  }, [kind]);
  return devices;
}
