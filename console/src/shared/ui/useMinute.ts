import { useEffect, useState } from "react";

/** The wall clock, ms; drawn again each half minute, for words like «3 minutes ago». */
export function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 30_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}
