import { useTranslation } from "react-i18next";

import { useLiveState } from "./store";

/** Dot and word: whether what is shown keeps itself up to date. */
export function LiveChip() {
  const { t } = useTranslation();
  const line = useLiveState((state) => state.line);
  if (line === "off") return null;
  return (
    <span className={line === "up" ? "chip chip-line chip-live" : "chip chip-line"}>
      <span className="dot" aria-hidden />
      <span className="chip-words">{t(line === "up" ? "app.live" : "app.not_live")}</span>
    </span>
  );
}
