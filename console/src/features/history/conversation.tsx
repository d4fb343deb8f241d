import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { session } from "@/shared/api/session";
import { useMay } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { lengthOf } from "@/shared/replay/timeline";
import { PlayerBar } from "@/shared/replay/PlayerBar";
import { Transcript } from "@/shared/replay/Transcript";
import type { ConversationDetail, Turn } from "@/shared/replay/types";
import { useReplay } from "@/shared/replay/useReplay";
import { useReplayKeys } from "@/shared/replay/useReplayKeys";
import { Waveform } from "@/shared/replay/Waveform";
import { navigate, useAddress } from "@/shared/router/router";
import { StateView } from "@/shared/ui/StateView";
import { Head } from "./parts/Head";
import { Inspector } from "./parts/Inspector";
import { Responses } from "./parts/Responses";
import { conversationQuery, soundOf, turnsQuery } from "./queries";
import "@/shared/replay/replay.css";
import "./history.css";

/** One conversation, heard again with its text in step; a turn of it opens beside. */
export default function ConversationPage() {
  const { pathname } = useAddress();
  const opened = pages.turn.match(pathname);
  const id = opened?.id ?? pages.conversation.match(pathname)?.id ?? "";
  // Somebody else's conversation begins without its words.
  return <Conversation key={id} id={id} opened={opened?.n} />;
}

function Conversation({ id, opened }: { id: string; opened: string | undefined }) {
  const [words, setWords] = useState(false);
  const asked = useQuery(conversationQuery(id, words));
  const turns = useAllTurns(id, words);
  return (
    <StateView asked={asked} rows={10}>
      {(detail) => (
        <Replayed
          detail={detail}
          words={words}
          turns={turns}
          opened={opened}
          onWords={() => {
            setWords(true);
          }}
        />
      )}
    </StateView>
  );
}

type AllTurns = ReturnType<typeof useAllTurns>;

/** All of its turns, page after page: whoever replays a conversation goes through all of it. */
function useAllTurns(id: string, words: boolean) {
  const asked = useInfiniteQuery(turnsQuery(id, words));
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = asked;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  const data = useMemo(() => asked.data?.pages.flatMap(({ items }) => items), [asked.data]);
  return { ...asked, data };
}

interface ReplayedProps {
  detail: ConversationDetail;
  words: boolean;
  turns: AllTurns;
  opened: string | undefined;
  onWords: () => void;
}

const NO_TURNS: readonly Turn[] = [];

function Replayed({ detail, words, turns: asked, opened, onWords }: ReplayedProps) {
  const { id, recordings } = detail;
  const turns = asked.data ?? NO_TURNS;
  const source = useMemo(() => soundOf(id, words), [id, words]);
  const { player, spans, waves } = useReplay(id, detail.words ? recordings : null, source);
  const lengthMs = useMemo(() => lengthOf(recordings, turns), [recordings, turns]);
  const open = (turn: Turn | undefined): void => {
    navigate(turn === undefined ? pages.conversation.href({ id }) : pages.turn.href({ id, n: String(turn.reply) }), { replace: opened !== undefined });
  };
  useReplayKeys({ player, turns, opened, open });
  const heard = spans.length > 0;
  return (
    <div className="replay" data-opened={opened !== undefined || undefined}>
      <div className="replay-main">
        <Head detail={detail} words={words} />
        <WordsNote detail={detail} onWords={onWords} />
        {heard && (
          <section className="replay-player">
            <Waveform player={player} spans={spans} waves={waves} turns={turns} lengthMs={lengthMs} />
            <PlayerBar player={player} lengthMs={lengthMs} />
          </section>
        )}
        <SoundNote detail={detail} heard={heard} />
        <StateView asked={{ ...asked, data: asked.data }} rows={6}>
          {(all) => (
            <>
              <Transcript
                player={player}
                spans={spans}
                turns={all}
                recorded={recordings.length > 0}
                selected={opened === undefined ? undefined : Number(opened)}
                hrefOf={({ reply }) => pages.turn.href({ id, n: String(reply) })}
              />
              <Going detail={detail} />
              <Responses turns={all} />
            </>
          )}
        </StateView>
      </div>
      {opened !== undefined && (
        <Inspector
          id={id}
          reply={opened}
          words={words}
          turns={turns}
          player={player}
          spans={spans}
          onOpen={open}
        />
      )}
    </div>
  );
}

/** Others' are numbers until one asks for more. */
function WordsNote({ detail, onWords }: { detail: ConversationDetail; onWords: () => void }) {
  const { t } = useTranslation("history");
  const may = useMay("history.words");
  const own = session.store.getState().account?.id === detail.owner_id;
  if (own) return null;
  if (detail.words) return <Alert type="warning" showIcon title={t("words.shown")} />;
  return (
    <Alert
      type="info"
      showIcon
      title={t(may ? "words.hidden" : "words.only_timings")}
      {...(may
        ? {
            action: (
              <Button size="small" onClick={onWords}>
                {t("words.show")}
              </Button>
            ),
          }
        : {})}
    />
  );
}

/** Why there is nothing to hear. */
function SoundNote({ detail: { recordings, words, state }, heard }: { detail: ConversationDetail; heard: boolean }) {
  const { t } = useTranslation("history");
  if (heard || !words) return null;
  const states = new Set(recordings.map((recording) => recording.state));
  const note = states.has("pending") ? "pending" : states.has("gone") ? "gone" : states.size > 0 ? "failed" : state === "open" ? null : "none";
  return note === null ? null : <p className="quiet">{t(`sound.${note}`)}</p>;
}

function Going({ detail: { state } }: { detail: ConversationDetail }) {
  const { t } = useTranslation("history");
  if (state !== "open") return null;
  return (
    <p className="going" role="status">
      <span className="dot" aria-hidden /> {t("list.going_on")}
    </p>
  );
}
