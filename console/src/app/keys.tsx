import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { navigate } from "@/shared/router/router";
import { isCommand, stepRow, usePageKeyList } from "@/shared/ui/keys";
import { KeysHelp } from "@/shared/ui/KeysHelp";
import { helpIsOpen, setHelp, useHelp } from "./help";
import { usePlaces } from "./navigation";

/** `g` and a letter within this time go somewhere. */
const AFTER_G_MS = 1500;

/** Keys of every page, and their list. Talk has its own beside them, and shows them in its own list. */
export function GeneralKeys({ talking }: { talking: boolean }) {
  const { t } = useTranslation();
  const places = usePlaces();
  const own = usePageKeyList((state) => state.keys);
  const [open] = useHelp();
  useEffect(() => {
    let wentAt = -Infinity;
    const acts: Partial<Record<string, () => void>> = {
      "/": () => document.querySelector<HTMLElement>("[data-search] input, input[data-search]")?.focus(),
      j: () => {
        stepRow(1);
      },
      k: () => {
        stepRow(-1);
      },
    };
    const down = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !talking && helpIsOpen()) setHelp(false);
      if (!isCommand(event)) return;
      const afterG = event.timeStamp - wentAt < AFTER_G_MS;
      wentAt = -Infinity;
      const place = afterG ? places.find(({ key }) => key === event.key) : undefined;
      if (place !== undefined) {
        event.preventDefault();
        // Before Talk's own letters hear of it.
        event.stopImmediatePropagation();
        navigate(place.href);
      } else if (event.key === "g") wentAt = event.timeStamp;
      else if (!talking) {
        const act = own.find(({ key }) => key === event.key)?.act ?? (event.key === "?" ? () => { setHelp(!helpIsOpen()); } : acts[event.key]);
        if (act === undefined) return;
        event.preventDefault();
        act();
      }
    };
    window.addEventListener("keydown", down, { capture: true });
    return () => {
      window.removeEventListener("keydown", down, { capture: true });
    };
  }, [places, own, talking]);

  if (talking) return null;
  const list: [string, string][] = [
    ...own.map(({ key, words }): [string, string] => [key.length === 1 ? key.toUpperCase() : key, words]),
    ...places.map(({ key, name }): [string, string] => [`G ${key.toUpperCase()}`, t("keys.go", { page: t(`nav.${name}`) })]),
    ["/", t("keys.search")],
    ["J K", t("keys.rows")],
    ["Enter", t("keys.open")],
    ["Esc", t("keys.escape")],
    ["?", t("keys.help")],
  ];
  return (
    <KeysHelp
      open={open}
      keys={list}
      onClose={() => {
        setHelp(false);
      }}
    />
  );
}
