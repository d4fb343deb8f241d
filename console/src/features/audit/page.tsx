import { CheckCircleOutlined, DownloadOutlined, LoadingOutlined, WarningOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, DatePicker, Select, Tooltip } from "antd";
import calendar from "antd/es/date-picker/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import { useLiveState } from "@/shared/live/store";
import { pages } from "@/shared/pages";
import { useSearch } from "@/shared/router/router";
import { usePageKeys } from "@/shared/ui/keys";
import { save } from "@/shared/ui/save";
import { Nothing, Refusal, StateView } from "@/shared/ui/StateView";
import { Entries } from "./Entries";
import { auditQuery, chainQuery, exportAudit, peopleQuery } from "./queries";

/** Acts by their beginning; «sign_in» itself is one. */
const GROUPS = {
  sign_in: "sign_in",
  sign_in_end: "sign_in.",
  user: "user.",
  password: "password.",
  token: "token.",
  link: "link.",
  app: "app.",
  settings: "settings.",
  words: "words.",
  conversation: "conversation.",
  share: "share.",
  consent: "consent.",
  session: "session.",
  keys: "keys.",
} as const;
const GROUP_NAMES = Object.keys(GROUPS) as (keyof typeof GROUPS)[];

/** Who did what. The filter is in the address, so that what one sees can be sent. */
export default function AuditPage() {
  const { t } = useTranslation("audit");
  const { t: problems } = useTranslation("problems");
  const [filter, setFilter] = useSearch(pages.audit);
  const asked = useInfiniteQuery(auditQuery(filter));
  const [exporting, setExporting] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const entries = useMemo(() => asked.data?.pages.flatMap(({ items }) => items), [asked.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = asked;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  const takeAway = (): void => {
    setExporting(true);
    setProblem(null);
    exportAudit(filter)
      .then((file) => {
        save(file, "audit.jsonl");
      }, setProblem)
      .finally(() => {
        setExporting(false);
      });
  };
  usePageKeys([{ key: "e", words: t("list.export"), act: takeAway }]);
  const filtered = Object.keys(filter).length > 0;
  return (
    <>
      <div className="page-head">
        <h2>{t("list.title")}</h2>
        <ChainMark />
        <span className="grow" />
        <Button icon={<DownloadOutlined />} loading={exporting} aria-keyshortcuts="E" onClick={takeAway}>
          {t("list.export")}
        </Button>
      </div>
      <Filters filter={filter} onFilter={setFilter} />
      <Refusal error={problem} />
      <News />
      <StateView
        asked={{ ...asked, data: entries }}
        rows={12}
        empty={{
          when: (all) => all.length === 0,
          show: (
            <Nothing words={t("list.nothing")}>
              {filtered && (
                <Button
                  onClick={() => {
                    setFilter({ who: undefined, what: undefined, from: undefined, to: undefined });
                  }}
                >
                  {problems("state.clear")}
                </Button>
              )}
            </Nothing>
          ),
        }}
      >
        {(all) => <Entries entries={all} onEnd={more} />}
      </StateView>
    </>
  );
}

/** Whether the log is as it was written. */
function ChainMark() {
  const { t, i18n } = useTranslation("audit");
  const { data: chain, isPending } = useQuery(chainQuery);
  if (isPending)
    return (
      <span className="chip" role="status">
        <LoadingOutlined aria-hidden /> {t("chain.checking")}
      </span>
    );
  if (chain === undefined) return <span className="chip">{t("chain.unknown")}</span>;
  if (chain.whole)
    return (
      <Tooltip title={t("chain.whole_long", { count: chain.rows })}>
        <span className="chip chain-whole" tabIndex={0}>
          <CheckCircleOutlined aria-hidden /> {t("chain.whole")}
        </span>
      </Tooltip>
    );
  const record = new Intl.NumberFormat(i18n.language).format(chain.broken_at ?? 0);
  return (
    <>
      <span className="chip chain-broken">
        <WarningOutlined aria-hidden /> {t("chain.broken")}
      </span>
      <Alert className="chain-alert" type="error" showIcon title={t("chain.broken_long", { record })} />
    </>
  );
}

/** Lines that came since: they wait, so that nothing moves under somebody who reads. */
function News() {
  const { t } = useTranslation("audit");
  const count = useLiveState((state) => state.newAudit);
  const queries = useQueryClient();
  if (count === 0) return null;
  return (
    <Button
      className="news"
      onClick={() => {
        useLiveState.setState({ newAudit: 0 });
        void queries.invalidateQueries({ queryKey: keys.audit.all });
      }}
    >
      {t("list.new", { count })}
    </Button>
  );
}

type Filter = ReturnType<typeof pages.audit.read>;

function Filters({ filter, onFilter }: { filter: Filter; onFilter: (change: Filter) => void }) {
  const { t, i18n } = useTranslation("audit");
  const chinese = i18n.language === "zh";
  // Names of days and months; before the calendar is drawn.
  dayjs.locale(chinese ? "zh-cn" : "en");
  const { data: people = [] } = useQuery(peopleQuery);
  const known = people.some(({ id }) => id === filter.who);
  const who = people.map(({ id, name }) => ({ value: id, label: name }));
  if (filter.who !== undefined && !known) who.push({ value: filter.who, label: filter.who.slice(0, 8) });
  const what: { value: string; label: string }[] = GROUP_NAMES.map((group) => ({ value: GROUPS[group], label: t(`group.${group}`) }));
  return (
    <div className="filters">
      <Select
        className="filter"
        allowClear
        virtual={false}
        showSearch={{ optionFilterProp: "label" }}
        placeholder={t("list.anybody")}
        aria-label={t("list.who")}
        value={filter.who ?? null}
        options={who}
        onChange={(value: string | null | undefined) => {
          onFilter({ who: value ?? undefined });
        }}
      />
      <Select
        className="filter"
        allowClear
        virtual={false}
        placeholder={t("list.anything")}
        aria-label={t("list.what")}
        value={filter.what ?? null}
        options={filter.what === undefined || what.some(({ value }) => value === filter.what) ? what : [...what, { value: filter.what, label: filter.what }]}
        onChange={(value: string | null | undefined) => {
          onFilter({ what: value ?? undefined });
        }}
      />
      <DatePicker.RangePicker
        className="filter-range"
        allowEmpty={[true, true]}
        {...(chinese ? { locale: calendar } : {})}
        aria-label={t("list.when")}
        placeholder={[t("list.range_from"), t("list.range_to")]}
        value={[filter.from === undefined ? null : dayjs(filter.from), filter.to === undefined ? null : dayjs(filter.to)]}
        onChange={(range) => {
          onFilter({ from: range?.[0]?.startOf("day").toISOString(), to: range?.[1]?.endOf("day").toISOString() });
        }}
      />
    </div>
  );
}
