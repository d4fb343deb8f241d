import { useEffect } from "react";
import { create } from "zustand";

import { usePreferences } from "@/shared/preferences";

/** A key of a page: what it does, in words for the list, and the deed. */
export interface PageKey {
  /** As `KeyboardEvent.key`. */
  key: string;
  words: string;
  /** Absent: the page listens for it by itself. */
  act?: () => void;
}

/** What the page that is shown adds to the keys of every page. */
export const usePageKeyList = create<{ keys: readonly PageKey[] }>()(() => ({ keys: [] }));

/** Keys of this page, for as long as it is shown. */
export function usePageKeys(keys: readonly PageKey[]): void {
  useEffect(() => {
    usePageKeyList.setState({ keys });
    return () => {
      usePageKeyList.setState({ keys: [] });
    };
  });
}

export function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable], [role=combobox]") !== null;
}

export function onOtherControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button:not(.lamp), a, [role=slider], [role=switch]") !== null;
}

/** Whether a key press may mean a single-letter command at all. */
export function isCommand(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || event.defaultPrevented) return false;
  return !inField(event.target) && usePreferences.getState().singleKeys;
}

/** The next or previous thing of a list (`data-row`) gets the focus, and with it Enter. */
export function stepRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step];
  const target = next?.matches("a, button, [tabindex]") === true ? next : next?.querySelector<HTMLElement>("a, button, [tabindex]");
  target?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
