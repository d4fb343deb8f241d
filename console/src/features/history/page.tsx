import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Button, Segmented } from "antd";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { useMay } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { Link, navigate, useSearch } from "@/shared/router/router";
import { usePageKeys } from "@/shared/ui/keys";
import { Nothing, StateView } from "@/shared/ui/StateView";
import { useNarrow } from "@/shared/ui/useNarrow";
import { VirtualRows } from "@/shared/ui/VirtualRows";
import { Filters } from "./parts/Filters";
import { ListRow } from "./parts/ListRow";
import { NewOnes } from "./parts/NewOnes";
import { appNamesQuery, listQuery } from "./queries";
import { useFresh } from "./useFresh";
import "./history.css";

const ROW = 64;
/** Three lines on a phone. */
const CARD = 92;

/** What was talked about. The search is in the address, so that what one sees can be sent and gone back to. */
export default function HistoryPage() {
  const { t } = useTranslation("history");
  const { t: problems } = useTranslation("problems");
  const [filter, setFilter] = useSearch(pages.history);
  const seesAll = useMay("history.timings");
  const ownOnes = useMay("history.own");
  const everybody = filter.owner === "*";
  const asked = useInfiniteQuery(listQuery(filter));
  const { data: apps = [] } = useQuery(appNamesQuery);
  const names = useMemo(() => new Map(apps.map(({ id, name }) => [id, name])), [apps]);
  const shown = useMemo(() => asked.data?.pages.flatMap(({ items }) => items), [asked.data]);
  const conversations = useFresh(shown);
  const searchable = asked.data?.pages[0]?.search !== "off";
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = asked;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const narrow = useNarrow();
  usePageKeys([{ key: "Enter", words: t("list.open") }]);

  const filtered = Object.keys(filter).some((name) => name !== "owner");
  const heads = ["when", "what", "turns", "cuts", "response"] as const;
  return (
    <>
      <div className="page-head">
        <h2>{t("list.title")}</h2>
        <NewOnes filter={filter} shown={shown} />
        <span className="grow" />
        {seesAll && ownOnes && (
          <Segmented
            size="small"
            aria-label={t("list.whose")}
            value={everybody ? "*" : "own"}
            options={[
              { value: "own", label: t("list.own") },
              { value: "*", label: t("list.everybody") },
            ]}
            onChange={(value) => {
              // Words are searched in one's own only.
              setFilter({ owner: value === "*" ? "*" : undefined, q: undefined });
            }}
          />
        )}
      </div>
      <Filters filter={filter} onFilter={setFilter} apps={apps} searches={searchable && !everybody} />
      <StateView
        asked={{ ...asked, data: conversations }}
        rows={8}
        empty={{
          when: (all) => all.length === 0,
          show: filtered ? (
            <Nothing words={problems("state.no_match")}>
              <Button
                onClick={() => {
                  setFilter({ q: undefined, app: undefined, from: undefined, to: undefined, slow: undefined, cut: undefined });
                }}
              >
                {problems("state.clear")}
              </Button>
            </Nothing>
          ) : (
            <Nothing words={t("list.first")}>
              <Link to={pages.talk.href({})}>{t("list.talk")}</Link>
            </Nothing>
          ),
        }}
      >
        {(all) => (
          <div className="history">
            <VirtualRows
              label={t("list.label")}
              items={all}
              keyOf={({ id }) => id}
              height={narrow ? CARD : ROW}
              head={heads.map((head) => (
                <span key={head} role="columnheader" className={`history-${head}`}>
                  {t(`list.${head}`)}
                </span>
              ))}
              row={(conversation) => <ListRow conversation={conversation} app={names.get(conversation.app_id) ?? conversation.app_id} query={filter.q} />}
              onOpen={({ id }) => {
                navigate(pages.conversation.href({ id }));
              }}
              onEnd={more}
            />
          </div>
        )}
      </StateView>
    </>
  );
}
