import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Turn } from "@/shared/replay/types";
import { Chart } from "@/shared/ui/Chart";

/** Fewer are told by the turns themselves. */
const WORTH_IT = 3;

/** How quickly each turn was answered; a table stands behind it. */
export function Responses({ turns }: { turns: readonly Turn[] }) {
  const { t } = useTranslation("history");
  const shown = useMemo(
    () => ({
      // Turns stand where hours do elsewhere: one place for each, numbered from 1.
      places: turns.map((_, i) => new Date(i + 1)),
      values: turns.map(({ response_ms }) => response_ms),
    }),
    [turns],
  );
  if (shown.values.filter((value) => value !== null).length < WORTH_IT) return null;
  return (
    <Chart
      title={t("chart.title")}
      unit={t("chart.unit")}
      times={shown.places}
      time={(place) => t("chart.turn", { number: place.getTime() })}
      series={[{ name: t("chart.series"), colour: "var(--primary)", kind: "bars", values: shown.values }]}
    />
  );
}
