import { useEffect, useState } from "react";

/** Whole seconds of the wall clock, ticking only while it matters. */
export function useNow(active: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!active) return;
    const tick = setInterval(() => {
      setNow(Date.now());
    }, 500);
    return () => {
      clearInterval(tick);
    };
  }, [active]);
  return now;
}

/** Seconds since `key` last changed. */
export function useElapsed(key: string, active: boolean): number {
  const now = useNow(active);
  const [since, setSince] = useState({ key, at: now });
  if (since.key !== key) setSince({ key, at: Date.now() });
  return active ? Math.max(0, Math.floor((now - since.at) / 1000)) : 0;
}
