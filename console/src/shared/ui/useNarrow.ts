import { useSyncExternalStore } from "react";

const narrow = matchMedia("(max-width: 767px)");

/** A phone, or a window of its width: rows become cards. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      narrow.addEventListener("change", changed);
      return () => {
        narrow.removeEventListener("change", changed);
      };
    },
    () => narrow.matches,
  );
}
