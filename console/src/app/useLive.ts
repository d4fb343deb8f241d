import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { useSession } from "@/shared/api/useSession";

/** The live socket of a signed-in person, opened once the page stands: it is no part of the first load. */
export function useLive(): void {
  const queries = useQueryClient();
  const person = useSession((state) => (state.phase === "in" ? (state.account?.id ?? null) : null));
  useEffect(() => {
    if (person === null) return;
    let stop: (() => void) | null = null;
    let gone = false;
    void import("@/shared/live/watch").then(
      ({ watch }) => {
        if (!gone) stop = watch(queries);
      },
      () => undefined,
    );
    return () => {
      gone = true;
      stop?.();
      // What one person may see is nobody else's.
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "server" });
    };
  }, [person, queries]);
}
