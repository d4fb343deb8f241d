import { useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import { useConversationNews } from "@/shared/live/conversations";
import type { Conversation } from "@/shared/replay/types";
import { newest, NEWEST, type Filter } from "../queries";

/** Between two looks at what is new, ms: with a thousand people talking there is always something. */
const LOOK_MS = 1000;

/**
 * Conversations that have begun since the list was asked for, and that this search would find: they wait, so that
 * nothing moves under somebody who reads.
 */
export function NewOnes({ filter, shown }: { filter: Filter; shown: readonly Conversation[] | undefined }) {
  const { t } = useTranslation("history");
  const queries = useQueryClient();
  const begun = useConversationNews((state) => state.begun);
  const [found, setFound] = useState<{ shown: readonly Conversation[] | undefined; count: number }>({ shown, count: 0 });
  const wanted = JSON.stringify(filter);
  useEffect(() => {
    if (begun === 0 || shown === undefined) return;
    const since = shown[0]?.started_at ?? "";
    const timer = setTimeout(() => {
      newest(JSON.parse(wanted) as Filter).then(
        (items) => {
          setFound({ shown, count: items.filter(({ id, started_at }) => started_at >= since && !shown.some((old) => old.id === id)).length });
        },
        // The list itself says when the server does not answer.
        () => undefined,
      );
    }, LOOK_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [begun, shown, wanted]);
  const count = found.shown === shown ? found.count : 0;
  if (count === 0) return null;
  return (
    <Button
      className="news"
      onClick={() => {
        void queries.invalidateQueries({ queryKey: keys.history.lists() });
      }}
    >
      {t("list.new", { count, number: count >= NEWEST ? `${NEWEST}+` : String(count) })}
    </Button>
  );
}
