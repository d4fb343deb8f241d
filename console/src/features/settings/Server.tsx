import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, InputNumber, Select, Switch } from "antd";
import Input from "antd/es/input/Input";
import Search from "antd/es/input/Search";
import TextArea from "antd/es/input/TextArea";
import { Fragment, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import { Problem } from "@/shared/api/problem";
import type { Setting, Settings, SettingValue } from "@/shared/api/types";
import { pages } from "@/shared/pages";
import { useSearch } from "@/shared/router/router";
import { CopyButton, Nothing, Refusal, StateView } from "@/shared/ui/StateView";
import { saveSettings, settingsQuery } from "./queries";
import { bySection, sameValue, shownValue } from "./values";

type Draft = Record<string, SettingValue>;

/** Every value of the server with where it comes from; those that may change here are changed here. */
export function Server() {
  const asked = useQuery(settingsQuery);
  return (
    <StateView asked={asked} rows={12}>
      {(settings) => <Values settings={settings} />}
    </StateView>
  );
}

function Values({ settings }: { settings: Settings }) {
  const { t } = useTranslation("settings");
  const queries = useQueryClient();
  const [{ search = "" }, setSearch] = useSearch(pages.settingsTab);
  const [draft, setDraft] = useState<Draft>({});
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [saved, setSaved] = useState<"now" | "restart" | null>(null);
  const sections = useMemo(() => bySection(settings.items, search), [settings.items, search]);
  const count = Object.keys(draft).length;
  const change = (setting: Setting, value: SettingValue): void => {
    setSaved(null);
    const back = sameValue(value, setting.saved) && value !== null;
    setDraft((before) => {
      const others = Object.entries(before).filter(([key]) => key !== setting.key);
      return Object.fromEntries(back ? others : [...others, [setting.key, value]]);
    });
  };
  const save = (): void => {
    if (busy || count === 0) return;
    setBusy(true);
    setProblem(null);
    const later = settings.items.some(({ key, effect }) => key in draft && effect === "restart");
    saveSettings(draft, settings.version)
      .then(async () => {
        setDraft({});
        setSaved(later ? "restart" : "now");
        await queries.invalidateQueries({ queryKey: keys.settings.all });
      })
      .catch((error: unknown) => {
        setProblem(error);
        if (error instanceof Problem && error.code === "changed") void queries.invalidateQueries({ queryKey: keys.settings.values() });
      })
      .finally(() => {
        setBusy(false);
      });
  };
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      save();
    };
    window.addEventListener("keydown", down);
    return () => {
      window.removeEventListener("keydown", down);
    };
  });
  const elsewhere = problem instanceof Problem && problem.code === "changed";
  const wrong = problem instanceof Problem ? problem.fields : {};
  return (
    <>
      <div className="settings-bar">
        <span data-search className="settings-search">
          <Search
            allowClear
            defaultValue={search}
            placeholder={t("server.search")}
            aria-label={t("server.search")}
            onChange={(event) => {
              setSearch({ search: event.target.value || undefined });
            }}
          />
        </span>
        <span className="grow" />
        {count > 0 && (
          <Button
            onClick={() => {
              setDraft({});
              setProblem(null);
            }}
          >
            {t("server.drop")}
          </Button>
        )}
        <Button type="primary" loading={busy} disabled={count === 0} aria-keyshortcuts="Control+S Meta+S" onClick={save}>
          {count === 0 ? t("server.save_none") : t("server.save", { count })}
        </Button>
      </div>
      {saved !== null && <Alert type="success" showIcon title={t(saved === "now" ? "server.saved" : "server.saved_restart")} />}
      {elsewhere ? <Alert type="warning" showIcon title={t("server.elsewhere")} /> : <Refusal error={problem} />}
      {sections.length === 0 && <Nothing words={t("server.nothing")} />}
      {sections.map(([section, items]) => (
        <section key={section} className="card">
          <h3>
            <code>{section}</code>
          </h3>
          {items.map((setting) => (
            <OneSetting
              key={setting.key}
              setting={setting}
              {...(setting.key in draft ? { draft: draft[setting.key] ?? null } : {})}
              wrong={wrong[setting.key] ?? wrong[`values.${setting.key}`]}
              onChange={(value) => {
                change(setting, value);
              }}
            />
          ))}
        </section>
      ))}
    </>
  );
}

interface OneProps {
  setting: Setting;
  /** What it will be; absent: untouched; null: what was set here is taken back. */
  draft?: SettingValue;
  wrong: string | undefined;
  onChange: (value: SettingValue) => void;
}

function OneSetting({ setting, draft, wrong, onChange }: OneProps) {
  const { t } = useTranslation("settings");
  const { key, text, origin, where, effect, changeable, is_saved } = setting;
  const words = { yes: t("server.yes"), no: t("server.no"), empty: t("server.empty") };
  const label = `setting-${key}`;
  const pending = effect === "restart" && is_saved && !sameValue(setting.saved, setting.value);
  return (
    <div className="setting" data-changed={draft === undefined ? undefined : true}>
      <div className="setting-words">
        <code id={label}>{key}</code>
        <span id={`${label}-note`} className="quiet setting-note">
          <Ticked text={text} /> <span className="setting-type">{setting.type}</span>
        </span>
        {wrong !== undefined && (
          <span className="field-error" role="alert">
            {wrong}
          </span>
        )}
      </div>
      <div className="setting-control">
        {changeable ? (
          <Control setting={setting} value={draft === undefined ? setting.saved : (draft ?? setting.default)} labelled={label} onChange={onChange} />
        ) : (
          <span className="setting-value" aria-labelledby={label}>
            {shownValue(setting.value, words)}
          </span>
        )}
        <span className="setting-origin quiet">
          {origin === "default" || origin === "console" ? t(`server.${origin}`) : t("server.rules", { where })}
          {!changeable && where !== "" && origin !== "default" && <CopyButton text={where} label={t("server.copy")} />}
          {changeable && effect === "restart" && <span> · {t("server.restart")}</span>}
          {pending && <span> · {t("server.after_restart", { value: shownValue(setting.saved, words) })}</span>}
          {changeable && is_saved && draft !== null && (
            <Button type="link" size="small" aria-label={t("server.back_of", { key })} onClick={() => { onChange(null); }}>
              {t("server.back")}
            </Button>
          )}
        </span>
      </div>
    </div>
  );
}

/** What stands between backticks is code. */
function Ticked({ text }: { text: string }) {
  return text.split("`").map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : <Fragment key={i}>{part}</Fragment>));
}

interface ControlProps {
  setting: Setting;
  value: SettingValue;
  labelled: string;
  onChange: (value: SettingValue) => void;
}

function Control({ setting: { key, choices, minimum, maximum, default: usual, type }, value, labelled, onChange }: ControlProps) {
  const names = { "aria-labelledby": labelled, "aria-describedby": `${labelled}-note` };
  if (choices !== null)
    return <Select {...names} className="setting-select" virtual={false} value={String(value ?? "")} options={choices.map((choice) => ({ value: choice, label: choice }))} onChange={onChange} />;
  if (typeof value === "boolean" || typeof usual === "boolean") return <Switch {...names} checked={value === true} onChange={onChange} />;
  if (typeof value === "number" || typeof usual === "number" || minimum !== null)
    return (
      <InputNumber
        {...names}
        className="setting-number"
        value={typeof value === "number" ? value : null}
        {...(minimum === null ? {} : { min: minimum })}
        {...(maximum === null ? {} : { max: maximum })}
        {...(type.includes("whole") || type.includes("integer") ? { precision: 0 } : {})}
        onChange={(number) => {
          if (number !== null) onChange(number);
        }}
      />
    );
  if (Array.isArray(value) || Array.isArray(usual))
    return (
      <TextArea
        {...names}
        className="area" rows={1}
        value={Array.isArray(value) ? value.join("\n") : ""}
        onChange={(event) => {
          onChange(event.target.value.split("\n").filter((line) => line.trim() !== ""));
        }}
      />
    );
  const text = typeof value === "string" ? value : "";
  if (key.endsWith("prompt") || text.length > 60)
    return <TextArea {...names} className="area" rows={2} value={text} onChange={(event) => { onChange(event.target.value); }} />;
  return <Input {...names} value={text} onChange={(event) => { onChange(event.target.value); }} />;
}
