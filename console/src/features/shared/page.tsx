import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { prefer, usePreferences } from "@/shared/preferences";
import { PlayerBar } from "@/shared/replay/PlayerBar";
import { lengthOf } from "@/shared/replay/timeline";
import { Transcript } from "@/shared/replay/Transcript";
import type { SharedConversation, Turn } from "@/shared/replay/types";
import { useReplay } from "@/shared/replay/useReplay";
import { useReplayKeys } from "@/shared/replay/useReplayKeys";
import { Waveform } from "@/shared/replay/Waveform";
import { Failed, Skeleton } from "@/shared/ui/StateView";
import { day } from "@/shared/ui/time";
import { isGone, OpenedLink } from "./opened";
import { takeSecret } from "./secret";
import "@/shared/replay/replay.css";
import "./shared.css";

// As soon as this file runs: drawing twice would find it gone.
const SECRET = takeSecret();

/** A conversation, for whoever was given its link: no account, no name, nothing that can be changed. */
export default function SharedPage() {
  const { t } = useTranslation("shared");
  useUnlisted();
  return (
    <main className="page shared" id="content">
      <header className="shared-head">
        <h1 className="brand">
          <img src="/icon.svg" alt="" width="24" height="24" />
          Vivavoce
        </h1>
        <Language />
      </header>
      {SECRET === null ? <p>{t("page.incomplete")}</p> : <Linked secret={SECRET} />}
    </main>
  );
}

function Linked({ secret }: { secret: string }) {
  const [gone, setGone] = useState(false);
  const [link] = useState(
    () =>
      new OpenedLink(secret, () => {
        setGone(true);
      }),
  );
  const asked = useInfiniteQuery({
    queryKey: ["shared", "conversation", {}],
    queryFn: async ({ pageParam }): Promise<Shown> => {
      if (pageParam !== null) return { opened: null, ...(await link.turns(pageParam)) };
      const opened = await link.open();
      return { opened, ...opened.turns };
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    retry: false,
    staleTime: Infinity,
  });
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = asked;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  const turns = useMemo(() => asked.data?.pages.flatMap(({ items }) => items) ?? [], [asked.data]);
  const opened = asked.data?.pages[0]?.opened ?? null;
  if (gone || isGone(asked.error)) return <Gone />;
  if (asked.error !== null && opened === null) return <Failed error={asked.error} onAgain={asked.refetch} />;
  if (opened === null) return <Skeleton rows={8} />;
  return <Replayed shared={opened} turns={turns} link={link} />;
}

interface Shown {
  /** With the first page only. */
  opened: SharedConversation | null;
  items: Turn[];
  next: string | null;
}

function Replayed({ shared, turns, link }: { shared: SharedConversation; turns: readonly Turn[]; link: OpenedLink }) {
  const { t, i18n } = useTranslation("shared");
  const { conversation, shared_until } = shared;
  const { recordings } = conversation;
  const { player, spans, waves } = useReplay("shared", recordings, link);
  const lengthMs = useMemo(() => lengthOf(recordings, turns), [recordings, turns]);
  useReplayKeys({ player, turns });
  const facts = [new Date(conversation.started_at).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" }), t("page.turns", { count: conversation.turns }), t("page.until", { day: day(shared_until, i18n.language) })];
  return (
    <div className="replay-main">
      <div>
        <h2>{t("page.title")}</h2>
        <p className="quiet">{facts.join(" · ")}</p>
      </div>
      {spans.length > 0 ? (
        <section className="replay-player">
          <Waveform player={player} spans={spans} waves={waves} turns={turns} lengthMs={lengthMs} />
          <PlayerBar player={player} lengthMs={lengthMs} />
        </section>
      ) : (
        <p className="quiet">{t("page.silent")}</p>
      )}
      <Transcript player={player} spans={spans} turns={turns} recorded={recordings.length > 0} />
    </div>
  );
}

function Gone(): ReactNode {
  const { t } = useTranslation("shared");
  return (
    <div className="nothing" role="status">
      <p>{t("page.gone")}</p>
      <p className="quiet">{t("page.gone_why")}</p>
    </div>
  );
}

function Language() {
  const language = usePreferences((preferences) => preferences.language);
  return (
    <button
      type="button"
      className="shared-language"
      lang={language === "en" ? "zh-CN" : "en"}
      onClick={() => {
        prefer({ language: language === "en" ? "zh" : "en" });
      }}
    >
      {language === "en" ? "中文" : "English"}
    </button>
  );
}

/** What was given to somebody is for no search engine, and the address goes to no other site. */
function useUnlisted(): void {
  useEffect(() => {
    const tag = document.createElement("meta");
    tag.name = "robots";
    tag.content = "noindex, nofollow";
    document.head.append(tag);
    return () => {
      tag.remove();
    };
  }, []);
}
