import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AppSummary, ListPage } from "@/shared/api/types";
import { useMay } from "@/shared/api/useSession";
import { prefer, usePreferences } from "@/shared/preferences";
import { useTrial } from "@/shared/trial";
import { useTalkParts } from "../context";

/** Who answers: shown where there is a choice, or where a draft is being tried. Another one ends the session. */
export function AppPicker() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const trial = useTrial((state) => state.trial);
  const chosen = usePreferences((preferences) => preferences.app);
  const offered = useOffered();
  if (trial !== null)
    return (
      <span className="trial">
        {t("app.trying", { name: trial.name })}
        <Button
          size="small"
          onClick={() => {
            session.end();
            useTrial.setState({ trial: null });
          }}
        >
          {t("app.stop")}
        </Button>
      </span>
    );
  if (offered.length < 2) return null;
  return (
    // The browser's own: it is light, and a phone draws it as people know it.
    <select
      className="app-picker"
      aria-label={t("app.label")}
      value={chosen ?? offered[0]?.id}
      onChange={(event) => {
        session.end();
        prefer({ app: event.target.value });
      }}
    >
      {offered.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** Those that are on; one that was chosen and is gone or off is chosen no more. */
function useOffered(): AppSummary[] {
  const enabled = useMay("apps.read");
  const chosen = usePreferences((preferences) => preferences.app);
  const { data } = useQuery({
    queryKey: keys.apps.list(),
    queryFn: async ({ signal }) => (await get<ListPage<AppSummary>>("/api/apps", { signal })).items,
    enabled,
  });
  const offered = data?.filter((app) => app.enabled) ?? [];
  const lost = data !== undefined && chosen !== null && !offered.some(({ id }) => id === chosen);
  useEffect(() => {
    if (lost) prefer({ app: null });
  }, [lost]);
  return offered;
}
