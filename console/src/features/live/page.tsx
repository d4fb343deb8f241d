import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import type { LiveSession, Statistics } from "@/shared/api/types";
import { useMay } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { useSearch } from "@/shared/router/router";
import { Chart } from "@/shared/ui/Chart";
import { Confirm } from "@/shared/ui/Confirm";
import { StateView } from "@/shared/ui/StateView";
import { ago } from "@/shared/ui/time";
import { useMinute } from "@/shared/ui/useMinute";
import { everyHour } from "./hours";
import { endSession, sessionsQuery, statisticsQuery } from "./queries";

/** Who talks now, and how quickly people were answered lately; never a word of it. */
export default function LivePage() {
  const { t } = useTranslation("live");
  const asked = useInfiniteQuery(sessionsQuery);
  const sessions = asked.data?.pages.flatMap(({ items }) => items);
  const timings = useMay("history.timings");
  return (
    <>
      <div className="page-head">
        <h2>{t("page.title")}</h2>
        {sessions !== undefined && <span className="quiet">{t("page.talking", { count: sessions.length })}</span>}
      </div>
      <StateView asked={{ ...asked, data: sessions }} rows={3} empty={{ when: (all) => all.length === 0, show: <p className="quiet">{t("page.nobody")}</p> }}>
        {(all) => <Sessions sessions={all} />}
      </StateView>
      {timings && <Charts />}
    </>
  );
}

function Sessions({ sessions }: { sessions: LiveSession[] }) {
  const { t, i18n } = useTranslation("live");
  const queries = useQueryClient();
  const now = useMinute();
  const mayEnd = useMay("sessions.all");
  const [ending, setEnding] = useState<LiveSession | null>(null);
  return (
    <div className="rows-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">{t("list.who")}</th>
            <th scope="col">{t("list.app")}</th>
            <th scope="col">{t("list.channel")}</th>
            <th scope="col" className="number">
              {t("list.turns")}
            </th>
            <th scope="col">{t("list.since")}</th>
            <th scope="col" className="acts">
              <span className="visually-hidden">{t("list.acts")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={`${session.owner}/${session.id}`} data-row>
              <td>{session.owner_name}</td>
              <td className="quiet">{session.app || t("list.usual_app")}</td>
              <td className="quiet" title={t("list.gateway", { gateway: session.gateway })}>
                {session.channel} · {session.kind === "duplex" || session.kind === "streaming" ? t(`kind.${session.kind}`) : session.kind}
              </td>
              <td className="number" data-label={t("list.turns")}>
                {session.turns}
              </td>
              <td className="quiet">{ago(session.started_at, i18n.language, now)}</td>
              <td className="acts">
                {mayEnd && (
                  <Button size="small" aria-label={t("list.end_of", { name: session.owner_name })} onClick={() => { setEnding(session); }}>
                    {t("list.end")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {ending !== null && (
        <Confirm
          title={t("confirm.end", { name: ending.owner_name })}
          verb={t("list.end")}
          danger
          act={() => endSession(ending).then(() => queries.invalidateQueries({ queryKey: keys.live.sessions() }))}
          onClose={() => {
            setEnding(null);
          }}
        >
          <p>{t("confirm.end_words")}</p>
        </Confirm>
      )}
    </div>
  );
}

function Charts() {
  const { t } = useTranslation("live");
  const [{ hours = "24" }, setSearch] = useSearch(pages.live);
  const asked = useQuery(statisticsQuery(Number(hours), true));
  return (
    <>
      <Segmented
        className="range"
        aria-label={t("range.label")}
        value={hours}
        options={[
          { value: "24" as const, label: t("range.day") },
          { value: "168" as const, label: t("range.week") },
        ]}
        onChange={(next) => {
          setSearch({ hours: next === "24" ? undefined : next });
        }}
      />
      <StateView asked={asked} rows={6}>
        {(statistics) => statistics.items.length === 0 ? <p className="quiet">{t("page.quiet")}</p> : <Drawn statistics={statistics} long={hours !== "24"} />}
      </StateView>
    </>
  );
}

function Drawn({ statistics, long }: { statistics: Statistics; long: boolean }) {
  const { t, i18n } = useTranslation("live");
  const hours = everyHour(statistics);
  const times = hours.map(({ time }) => time);
  const shape: Intl.DateTimeFormatOptions = long ? { weekday: "short", hour: "2-digit", hourCycle: "h23" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(i18n.language, shape);
  const time = (each: Date): string => format.format(each);
  const of = (field: "conversations" | "turns" | "errors" | "cuts"): number[] => hours.map(({ found }) => found?.[field] ?? 0);
  return (
    <div className="charts">
      <Chart
        title={t("chart.response")}
        unit={t("chart.response_unit")}
        times={times}
        time={time}
        series={[
          { name: t("chart.p50"), colour: "var(--primary)", kind: "line", values: hours.map(({ found }) => found?.response_p50_ms ?? null) },
          { name: t("chart.p95"), colour: "var(--think)", kind: "line", dashed: true, values: hours.map(({ found }) => found?.response_p95_ms ?? null) },
        ]}
      />
      <Chart
        title={t("chart.conversations")}
        unit={t("chart.per_hour")}
        times={times}
        time={time}
        series={[
          { name: t("chart.turns"), colour: "var(--border)", kind: "bars", values: of("turns") },
          { name: t("chart.begun"), colour: "var(--you)", kind: "line", values: of("conversations") },
        ]}
      />
      <Chart
        title={t("chart.errors")}
        unit={t("chart.per_hour")}
        times={times}
        time={time}
        series={[
          { name: t("chart.cuts"), colour: "var(--border)", kind: "bars", values: of("cuts") },
          { name: t("chart.failed"), colour: "var(--error)", kind: "line", values: of("errors") },
        ]}
      />
    </div>
  );
}
