import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import type { AppBody, AppVersion } from "@/shared/api/types";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { dateTime } from "@/shared/ui/time";
import { bodyOf, changed, diff, type Field } from "../body";
import { revertApp, versionsQuery, type Loaded } from "../queries";

/** What it was before, and the way back: going back makes a new version, so that nothing is lost. */
export function Versions({ loaded: { app, etag } }: { loaded: Loaded }) {
  const { t, i18n } = useTranslation("apps");
  const queries = useQueryClient();
  const asked = useQuery(versionsQuery(app.id));
  const [chosen, setChosen] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [reverted, setReverted] = useState<number | null>(null);
  const revert = (version: number): void => {
    setBusy(true);
    setProblem(null);
    revertApp(app.id, version, etag)
      .then(async () => {
        setReverted(version);
        setChosen(null);
        await queries.invalidateQueries({ queryKey: keys.apps.all });
      })
      .catch(setProblem)
      .finally(() => {
        setBusy(false);
      });
  };
  return (
    <StateView asked={asked} rows={4}>
      {(versions) => {
        const shown = versions.find(({ version }) => version === (chosen ?? versions.find((each) => each.version < app.version)?.version));
        return (
          <>
            {reverted !== null && <Alert type="success" showIcon title={t("versions.reverted", { version: reverted })} />}
            <Refusal error={problem} />
            <div className="versions">
              <ul className="plain-list card">
                {versions.map(({ version, created_at }) => (
                  <li key={version} data-row>
                    <button
                      type="button"
                      className="version"
                      aria-pressed={shown?.version === version}
                      disabled={version === app.version}
                      onClick={() => {
                        setChosen(version);
                      }}
                    >
                      <strong>v{version}</strong>
                      {version === app.version && <span className="tag">{t("versions.now")}</span>}
                      <span className="quiet plain-second">{dateTime(created_at, i18n.language)}</span>
                    </button>
                  </li>
                ))}
              </ul>
              {shown !== undefined && (
                <section className="card" aria-label={t("versions.title", { version: shown.version })}>
                  <div className="page-head">
                    <h3>{t("versions.compare", { before: shown.version, now: app.version })}</h3>
                    <span className="grow" />
                    <Button
                      loading={busy}
                      onClick={() => {
                        revert(shown.version);
                      }}
                    >
                      {t("versions.revert", { version: shown.version })}
                    </Button>
                  </div>
                  <Difference before={shown} now={bodyOf(app)} />
                </section>
              )}
            </div>
          </>
        );
      }}
    </StateView>
  );
}

function Difference({ before: { body }, now }: { before: AppVersion; now: AppBody }) {
  const { t } = useTranslation("apps");
  const fields = changed(body, now);
  if (fields.length === 0) return <p>{t("versions.same")}</p>;
  return (
    <dl className="difference">
      {fields.map((field) => (
        <div key={field}>
          <dt>{t(`field.${field}`)}</dt>
          <dd>
            {diff(written(body, field), written(now, field)).map(({ kind, text }, i) => (
              // Lines have no other name than their place.
              <div key={i} className={`diff diff-${kind}`}>
                <span aria-hidden>{kind === "gone" ? "−" : kind === "new" ? "+" : " "}</span>
                {kind !== "same" && <span className="visually-hidden">{t(kind === "gone" ? "versions.before" : "versions.after")}: </span>}
                {text}
              </div>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function written(body: AppBody, field: Field): string {
  const value = body[field];
  if (value === null) return "–";
  return Array.isArray(value) ? value.join("\n") : String(value);
}
