import { create } from "zustand";

/** A draft of an app that one talks with before it is saved. It lives as long as this page. */
export interface Trial {
  name: string;
  /** The saved app that it began as; absent for a new one. */
  app?: string;
  prompt: string;
  voice: string | null;
  language: string | null;
  patience: number;
}

export const useTrial = create<{ trial: Trial | null }>()(() => ({ trial: null }));
