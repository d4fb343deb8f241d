import { PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Switch } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import type { AppSummary } from "@/shared/api/types";
import { pages } from "@/shared/pages";
import { Link, navigate } from "@/shared/router/router";
import { usePageKeys } from "@/shared/ui/keys";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { day } from "@/shared/ui/time";
import { appsQuery, switchApp } from "./queries";

/** Personas and their modes, on and off while the server runs. */
export default function AppsPage() {
  const { t } = useTranslation("apps");
  const asked = useQuery(appsQuery);
  const [problem, setProblem] = useState<unknown>(null);
  const [off, setOff] = useState<string | null>(null);
  const create = (): void => {
    navigate(pages.app.href({ id: "new" }));
  };
  usePageKeys([{ key: "n", words: t("list.new"), act: create }]);
  return (
    <>
      <div className="page-head">
        <h2>{t("list.title")}</h2>
        <span className="grow" />
        <Button type="primary" icon={<PlusOutlined />} aria-keyshortcuts="N" onClick={create}>
          {t("list.new")}
        </Button>
      </div>
      <Refusal error={problem} />
      {off !== null && <Alert type="info" showIcon closable={{ onClose: () => { setOff(null); } }} title={t("list.off_note", { name: off })} />}
      <StateView asked={asked} rows={4}>
        {(apps) => (
          <>
            {apps.every((app) => app.built_in) && <p className="quiet">{t("list.first")}</p>}
            <List
              apps={apps}
              onSwitched={(app, enabled) => {
                setProblem(null);
                setOff(enabled ? null : app.name);
              }}
              onProblem={setProblem}
            />
          </>
        )}
      </StateView>
    </>
  );
}

interface ListProps {
  apps: AppSummary[];
  onSwitched: (app: AppSummary, enabled: boolean) => void;
  onProblem: (error: unknown) => void;
}

function List({ apps, onSwitched, onProblem }: ListProps) {
  const { t, i18n } = useTranslation("apps");
  return (
    <div className="rows-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">{t("list.name")}</th>
            <th scope="col">{t("list.modes")}</th>
            <th scope="col">{t("list.version")}</th>
            <th scope="col">{t("list.changed")}</th>
            <th scope="col" className="acts">
              {t("list.switch")}
            </th>
          </tr>
        </thead>
        <tbody>
          {apps.map((app) => (
            <tr key={app.id} data-row>
              <td>
                <Link to={pages.app.href({ id: app.id })}>{app.name}</Link>
                {app.built_in && <span className="tag">{t("list.built_in")}</span>}
                <code className="quiet plain-second">{app.id}</code>
              </td>
              <td className="quiet">{app.modes.map((mode) => t(`mode.${mode}`)).join(" · ")}</td>
              <td className="quiet">{app.built_in ? "" : `v${app.version}`}</td>
              <td className="quiet">{app.built_in ? "" : day(app.updated_at, i18n.language)}</td>
              <td className="acts">
                <OnOff app={app} onSwitched={onSwitched} onProblem={onProblem} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function OnOff({ app, onSwitched, onProblem }: Omit<ListProps, "apps"> & { app: AppSummary }) {
  const { t } = useTranslation("apps");
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  return (
    <Switch
      checked={app.enabled}
      loading={busy}
      aria-label={t("list.switch_of", { name: app.name })}
      onChange={(enabled) => {
        setBusy(true);
        switchApp(app.id, enabled)
          .then(async () => {
            onSwitched(app, enabled);
            await queries.invalidateQueries({ queryKey: keys.apps.all });
          })
          .catch(onProblem)
          .finally(() => {
            setBusy(false);
          });
      }}
    />
  );
}
