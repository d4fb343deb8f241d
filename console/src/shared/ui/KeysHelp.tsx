import { Button } from "antd";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

interface KeysHelpProps {
  open: boolean;
  onClose: () => void;
  /** Keys as they are written, and what they do. */
  keys: readonly (readonly [keys: string, words: string])[];
}

/** The list of keys, as a native dialog that does not stop the conversation. */
export function KeysHelp({ open, onClose, keys }: KeysHelpProps) {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.show();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="keys" aria-label={t("keys.title")} onClose={onClose}>
      <h2>{t("keys.title")}</h2>
      <dl>
        {keys.map(([key, words]) => (
          <div key={key + words}>
            <dt>
              {key.split(" ").map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <Button size="small" onClick={onClose}>
        {t("keys.close")}
      </Button>
    </dialog>
  );
}
