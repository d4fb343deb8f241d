import { useCallback, useState, useSyncExternalStore } from "react";

const TICK_MS = 500;

/** The wall clock in ms, in steps of half a second; it asks for drawing only while it matters. */
export function useNow(active: boolean): number {
  const subscribe = useCallback(
    (changed: () => void) => {
      if (!active) return () => undefined;
      const tick = setInterval(changed, TICK_MS);
      return () => {
        clearInterval(tick);
      };
    },
    [active],
  );
  return useSyncExternalStore(subscribe, read);
}

function read(): number {
  return Math.floor(Date.now() / TICK_MS) * TICK_MS;
}

/** Whole seconds since `key` last changed. */
export function useElapsed(key: string, active: boolean): number {
  const now = useNow(active);
  const [since, setSince] = useState({ key, at: now });
  if (since.key !== key) setSince({ key, at: now });
  return active ? Math.max(0, Math.floor((now - since.at) / 1000)) : 0;
}
