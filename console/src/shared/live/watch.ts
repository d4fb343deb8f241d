import type { QueryClient } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { may, session } from "@/shared/api/session";
import type { Me } from "@/shared/api/types";
import { dialWithTicket } from "@/shared/sockets/dial";
import type { Dial } from "@/shared/sockets/transport";
import { forgetConversations, tellConversation } from "./conversations";
import type { Topic } from "./messages";
import { News } from "./news";
import { LiveSocket } from "./socket";
import { useLiveState } from "./store";

/** Opens the line of news for whoever is signed in; returns how to close it. */
export function watch(queries: QueryClient, dial: Dial = dialWithTicket): () => void {
  const news = new News(queries);
  let before = false;
  const everything = (): void => {
    forgetConversations();
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "server" });
  };
  const socket = new LiveSocket(
    topics(),
    {
      up: () => {
        useLiveState.setState({ line: "up", lostAt: null });
        // What was shown before the line came back may be old in a way that no event tells.
        if (before) everything();
        before = true;
      },
      lost: () => {
        useLiveState.setState((state) => ({ line: "lost", lostAt: state.lostAt ?? Date.now() }));
      },
      event: (event) => {
        if (event.topic === "audit") useLiveState.setState((state) => ({ newAudit: state.newAudit + 1 }));
        if ((event.topic === "users" || event.topic === "recording") && event.id === session.store.getState().account?.id) void lookAtMyself();
        if (event.topic === "conversations") tellConversation(event);
        news.add(event);
      },
      stale: everything,
      refused: () => {
        void session.doubt();
      },
    },
    dial,
  );
  socket.start();
  const hurry = (): void => {
    socket.hurry();
  };
  window.addEventListener("online", hurry);
  return () => {
    window.removeEventListener("online", hurry);
    socket.close();
    news.stop();
    forgetConversations();
    useLiveState.setState({ line: "off", lostAt: null, newAudit: 0 });
  };
}

/** What this person may hear of; the server looks at it again. */
function topics(): Topic[] {
  const state = session.store.getState();
  const wanted: [Topic, Parameters<typeof may>[1]][] = [
    ["sign_ins", "self"],
    ["recording", "self"],
    ["users", "users"],
    ["apps", "apps.read"],
    ["settings", "settings"],
    ["audit", "audit"],
    ["conversations", "history.own"],
    ["sessions", "live"],
  ];
  return wanted.filter(([, permission]) => may(state, permission)).map(([topic]) => topic);
}

/** Their role, name or choice has changed somewhere else. */
async function lookAtMyself(): Promise<void> {
  try {
    const { user } = await get<Me>("/api/me");
    if (user !== null) session.know(user);
  } catch {
    // The next call that matters says what is wrong.
  }
}
