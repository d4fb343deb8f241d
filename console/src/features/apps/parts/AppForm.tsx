import { Checkbox, InputNumber, Select } from "antd";
import Input from "antd/es/input/Input";
import TextArea from "antd/es/input/TextArea";
import { useId, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Problem } from "@/shared/api/problem";
import type { AppBody, AppMode } from "@/shared/api/types";

interface AppFormProps {
  body: AppBody;
  onChange: (body: AppBody) => void;
  /** What the server said about the last try. */
  problem: unknown;
  readOnly?: boolean;
  /** Only of a new app. */
  id?: { value: string; onChange: (id: string) => void };
}

const MODES: readonly AppMode[] = ["turns", "hands_free", "camera"];

/** Persona, voice, patience, tools and modes. */
export function AppForm({ body, onChange, problem, readOnly = false, id }: AppFormProps) {
  const { t } = useTranslation("apps");
  const base = useId();
  const wrong = problem instanceof Problem ? problem.fields : {};
  const set = (change: Partial<AppBody>): void => {
    onChange({ ...body, ...change });
  };
  const field = (name: string, label: string, control: (id: string, described: string) => ReactNode, rule?: string): ReactNode => {
    const why = wrong[name];
    return (
      <div className="field">
        <label htmlFor={`${base}-${name}`}>{label}</label>
        {control(`${base}-${name}`, `${base}-${name}-rule`)}
        <p id={`${base}-${name}-rule`} className={why === undefined ? "quiet" : "field-error"}>
          {why ?? rule ?? ""}
        </p>
      </div>
    );
  };
  const words = (value: string): string | null => (value.trim() === "" ? null : value.trim());
  return (
    <div className="app-form">
      {field("name", t("field.name"), (htmlId) => (
        <Input id={htmlId} value={body.name} maxLength={80} disabled={readOnly} onChange={(event) => { set({ name: event.target.value }); }} />
      ))}
      {id !== undefined &&
        field(
          "id",
          t("field.id"),
          (htmlId, described) => (
            <Input id={htmlId} aria-describedby={described} value={id.value} maxLength={48} spellCheck={false} autoCapitalize="none" onChange={(event) => { id.onChange(event.target.value); }} />
          ),
          t("field.id_rule"),
        )}
      {field(
        "prompt",
        t("field.prompt"),
        (htmlId, described) => (
          <TextArea
            id={htmlId}
            aria-describedby={described}
            className="area" rows={6}
            value={body.prompt}
            maxLength={20_000}
            disabled={readOnly}
            onChange={(event) => {
              set({ prompt: event.target.value });
            }}
          />
        ),
        t("field.prompt_rule"),
      )}
      <div className="field-pair">
        {field("language", t("field.language"), (htmlId) => (
          <Select
            id={htmlId}
            virtual={false}
            disabled={readOnly}
            value={body.language ?? ""}
            options={[
              { value: "", label: t("field.language_any") },
              { value: "en", label: "English" },
              { value: "zh", label: "中文" },
              ...(body.language !== null && !["en", "zh"].includes(body.language) ? [{ value: body.language, label: body.language }] : []),
            ]}
            onChange={(value) => {
              set({ language: words(value) });
            }}
          />
        ))}
        {field("voice", t("field.voice"), (htmlId) => (
          <Input id={htmlId} value={body.voice ?? ""} maxLength={80} placeholder={t("field.voice_any")} disabled={readOnly} onChange={(event) => { set({ voice: words(event.target.value) }); }} />
        ))}
      </div>
      <div className="field-pair">
        {field(
          "patience",
          t("field.patience"),
          (htmlId, described) => (
            <InputNumber
              id={htmlId}
              aria-describedby={described}
              min={0.5}
              max={3}
              step={0.1}
              disabled={readOnly}
              value={body.patience}
              onChange={(value) => {
                set({ patience: value ?? 1 });
              }}
            />
          ),
          t("field.patience_rule"),
        )}
        {field("model", t("field.model"), (htmlId) => (
          <Input id={htmlId} value={body.model ?? ""} maxLength={120} placeholder={t("field.model_any")} disabled={readOnly} onChange={(event) => { set({ model: words(event.target.value) }); }} />
        ))}
      </div>
      <fieldset className="field">
        <legend>{t("field.modes")}</legend>
        {MODES.map((mode) => (
          <Checkbox
            key={mode}
            checked={body.modes.includes(mode)}
            // One of them has to stay.
            disabled={readOnly || (body.modes.length === 1 && body.modes[0] === mode)}
            onChange={(event) => {
              set({ modes: MODES.filter((each) => (each === mode ? event.target.checked : body.modes.includes(each))) });
            }}
          >
            {t(`mode.${mode}`)}
          </Checkbox>
        ))}
        {wrong["modes"] !== undefined && <p className="field-error">{wrong["modes"]}</p>}
      </fieldset>
      {field(
        "tools",
        t("field.tools"),
        (htmlId, described) => (
          <TextArea
            id={htmlId}
            aria-describedby={described}
            className="area" rows={2}
            spellCheck={false}
            value={(body.tools ?? []).join("\n")}
            disabled={readOnly}
            onChange={(event) => {
              const lines = event.target.value.split("\n");
              set({ tools: event.target.value.trim() === "" ? null : lines.map((line) => line.trim()) });
            }}
          />
        ),
        t("field.tools_rule"),
      )}
    </div>
  );
}
