import { useMemo } from "react";

import { useConversationNews } from "@/shared/live/conversations";
import type { Conversation } from "@/shared/replay/types";

/** The list with what has been told of its conversations since: numbers change, no row moves, what is gone goes. */
export function useFresh(shown: readonly Conversation[] | undefined): readonly Conversation[] | undefined {
  const news = useConversationNews((state) => state.news);
  return useMemo(() => {
    if (shown === undefined || news.size === 0) return shown;
    return shown.flatMap((conversation) => {
      const told = news.get(conversation.id);
      if (told === undefined) return [conversation];
      return told === "deleted" ? [] : [{ ...conversation, ...told }];
    });
  }, [shown, news]);
}
