import { useEffect, useRef } from "react";

/** Calls `draw` once per animation frame while mounted: for what changes too often for React. */
export function useFrame(draw: (now: number) => void, active = true): void {
  const latest = useRef(draw);
  useEffect(() => {
    latest.current = draw;
  });
  useEffect(() => {
    if (!active) return;
    let frame = 0;
    const step = (now: number): void => {
      latest.current(now);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [active]);
}
