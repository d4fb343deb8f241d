import { Button } from "antd";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

const KEYS = [
  ["Space", "keys.space"],
  ["M", "keys.m"],
  ["Esc", "keys.esc"],
  ["Enter", "keys.enter"],
  ["V", "keys.v"],
  ["D", "keys.d"],
  ["?", "keys.help"],
] as const;

/** The list of keys, as a native dialog that does not stop the conversation. */
export function KeysHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation("talk");
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.show();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="keys" aria-label={t("keys.title")} onClose={onClose}>
      <h2>{t("keys.title")}</h2>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <Button size="small" onClick={onClose}>
        {t("keys.close")}
      </Button>
    </dialog>
  );
}
