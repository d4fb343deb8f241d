import { create } from "zustand";

/** Whether news comes in by itself, and what waits to be shown. */
interface LiveState {
  line: "off" | "up" | "lost";
  /** Wall clock, ms: since when the line is down. */
  lostAt: number | null;
  /** Lines of the audit log that have come since the list was asked for. */
  newAudit: number;
}

export const useLiveState = create<LiveState>()(() => ({ line: "off", lostAt: null, newAudit: 0 }));
