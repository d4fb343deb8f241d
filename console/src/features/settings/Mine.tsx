import { Button, InputNumber, Segmented, Select, Switch } from "antd";
import Input from "antd/es/input/Input";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { changeMe } from "@/shared/api/me";
import { useSession } from "@/shared/api/useSession";
import { prefer, spokenLanguage, usePreferences, type Language, type Theme } from "@/shared/preferences";
import { Refusal } from "@/shared/ui/StateView";
import { Row } from "./Row";

/** Choices of this browser, and of the person. */
export function Mine() {
  const { t } = useTranslation("settings");
  return (
    <>
      <PageChoices />
      <TalkChoices />
      <p className="quiet">{t("mine.here")}</p>
      <AccountChoices />
    </>
  );
}

const LANGUAGES = [
  { label: "English", value: "en" as const },
  { label: "中文", value: "zh" as const },
];

function PageChoices() {
  const { t } = useTranslation("settings");
  const { language, theme, singleKeys } = usePreferences();
  return (
    <section className="card">
      <h3>{t("mine.page")}</h3>
      <Row label={t("mine.language")}>
        {(labelled) => <Segmented<Language> aria-labelledby={labelled} value={language} options={LANGUAGES} onChange={(next) => { prefer({ language: next }); }} />}
      </Row>
      <Row label={t("mine.theme")}>
        {(labelled) => (
          <Segmented<Theme>
            aria-labelledby={labelled}
            value={theme}
            options={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(`theme.${value}`) }))}
            onChange={(next) => {
              prefer({ theme: next });
            }}
          />
        )}
      </Row>
      <Row label={t("mine.keys")}>
        {(labelled) => <Switch aria-labelledby={labelled} checked={singleKeys} onChange={(on) => { prefer({ singleKeys: on }); }} />}
      </Row>
    </section>
  );
}

function TalkChoices() {
  const { t } = useTranslation("settings");
  const preferences = usePreferences();
  return (
    <section className="card">
      <h3>{t("mine.talk")}</h3>
      <Row label={t("mine.spoken")}>
        {(labelled) => <Segmented<Language> aria-labelledby={labelled} value={spokenLanguage(preferences)} options={LANGUAGES} onChange={(spoken) => { prefer({ spoken }); }} />}
      </Row>
      <Row label={t("mine.microphone")}>
        {(labelled) => <Microphone labelled={labelled} />}
      </Row>
      <Row label={t("mine.patience")} note={t("mine.patience_note")}>
        {(labelled, described) => (
          <InputNumber
            aria-labelledby={labelled}
            aria-describedby={described}
            min={0.5}
            max={3}
            step={0.1}
            value={preferences.patience}
            onChange={(value) => {
              if (value !== null) prefer({ patience: value });
            }}
          />
        )}
      </Row>
      <Row label={t("mine.barge_in")}>
        {(labelled) => <Switch aria-labelledby={labelled} checked={preferences.interruptByVoice} onChange={(interruptByVoice) => { prefer({ interruptByVoice }); }} />}
      </Row>
      <Row label={t("mine.cues")}>
        {(labelled) => <Switch aria-labelledby={labelled} checked={preferences.cues} onChange={(cues) => { prefer({ cues }); }} />}
      </Row>
    </section>
  );
}

function Microphone({ labelled }: { labelled: string }) {
  const { t } = useTranslation("settings");
  const chosen = usePreferences((preferences) => preferences.microphone);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const media = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
    if (media === undefined) return;
    const look = (): void => {
      media.enumerateDevices().then(
        (all) => {
          setDevices(all.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "" && deviceId !== "default"));
        },
        () => undefined,
      );
    };
    look();
    media.addEventListener("devicechange", look);
    return () => {
      media.removeEventListener("devicechange", look);
    };
  }, []);
  return (
    <Select
      className="setting-select"
      virtual={false}
      aria-labelledby={labelled}
      value={devices.some(({ deviceId }) => deviceId === chosen) ? (chosen ?? "") : ""}
      options={[
        { value: "", label: t("mine.microphone_default") },
        ...devices.map(({ deviceId, label }, i) => ({ value: deviceId, label: label || t("mine.microphone_unnamed", { n: i + 1 }) })),
      ]}
      onChange={(value) => {
        prefer({ microphone: value === "" ? null : value });
      }}
    />
  );
}

function AccountChoices() {
  const { t } = useTranslation("settings");
  const account = useSession((state) => state.account);
  const [name, setName] = useState(account?.display_name ?? "");
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  if (account === null) return null;
  const change = (what: Parameters<typeof changeMe>[0]): void => {
    setBusy(true);
    setProblem(null);
    setSaved(false);
    changeMe(what)
      .then(() => {
        setSaved(true);
      }, setProblem)
      .finally(() => {
        setBusy(false);
      });
  };
  return (
    <section className="card">
      <h3>{t("mine.account")}</h3>
      <Row label={t("mine.display_name")}>
        {(labelled) => (
          <form
            className="setting-form"
            onSubmit={(event) => {
              event.preventDefault();
              change({ display_name: name.trim() });
            }}
          >
            <Input aria-labelledby={labelled} value={name} maxLength={128} placeholder={account.name} onChange={(event) => { setName(event.target.value); }} />
            <Button htmlType="submit" disabled={busy || name.trim() === account.display_name}>
              {t("mine.save_name")}
            </Button>
          </form>
        )}
      </Row>
      <Row label={t("mine.recording")} note={t("mine.recording_note")}>
        {(labelled, described) => (
          <Switch aria-labelledby={labelled} aria-describedby={described} checked={account.recording === true} loading={busy} onChange={(recording) => { change({ recording }); }} />
        )}
      </Row>
      {saved && <p role="status">{t("mine.saved")}</p>}
      <Refusal error={problem} />
    </section>
  );
}
