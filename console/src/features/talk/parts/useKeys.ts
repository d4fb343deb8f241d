import { useEffect } from "react";

import { usePreferences } from "@/shared/preferences";
import { inField, onOtherControl } from "@/shared/ui/keys";
import type { TalkSession } from "../session/talk";

export interface KeyActions {
  session: TalkSession;
  camera: () => void;
  devices: () => void;
  help: () => void;
  /** Closes the top layer; false when there is none. */
  closeTop: () => boolean;
}

/** The page's keys. Letters never act inside a field or with a modifier, and can be switched off. */
export function useKeys(actions: KeyActions): void {
  useEffect(() => {
    const { session } = actions;
    const down = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key === "Escape") {
        if (!actions.closeTop()) session.stop();
        return;
      }
      if (inField(event.target)) return;
      if (event.key === " ") {
        if (onOtherControl(event.target)) return;
        event.preventDefault();
        if (event.repeat) return;
        if (session.store.getState().mode === "turns") session.press();
        else session.tap();
        return;
      }
      if (!usePreferences.getState().singleKeys || event.repeat) return;
      const act = letters(actions)[event.key.toLowerCase()];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key !== " " || inField(event.target) || onOtherControl(event.target)) return;
      event.preventDefault();
      session.unpress();
    };
    // A key released over another window is never heard of.
    const blur = (): void => {
      session.unpress();
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", blur);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", blur);
    };
  });
}

function letters({ session, camera, devices, help }: KeyActions): Partial<Record<string, () => void>> {
  return {
    m: () => {
      const { muted, conversation } = session.store.getState();
      if (conversation.line !== "off" && conversation.line !== "ended") session.setMuted(!muted);
    },
    v: camera,
    d: devices,
    "?": help,
  };
}
