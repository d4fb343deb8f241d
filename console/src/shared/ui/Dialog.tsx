import { CloseOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface DialogProps {
  title: string;
  children: ReactNode;
  /** Buttons; the last one is the obvious one. */
  footer?: ReactNode;
  /** At the side, in full height; on a phone both are a page. */
  side?: boolean;
  /** A click beside it closes it; not for what is shown only once. */
  lightly?: boolean;
  onClose: () => void;
}

/**
 * The browser's own dialog: it keeps the focus, gives it back and closes on Esc. Ant Design's Modal and Drawer write
 * styles without the page's nonce, which its policy does not let in, and weigh as much as a page.
 */
export function Dialog({ title, children, footer, side = false, lightly = true, onClose }: DialogProps) {
  const { t } = useTranslation("problems");
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
    // What one fills in first; else the first button, which leaves things as they are.
    const first = element?.querySelector<HTMLElement>(".dialog-body input") ?? element?.querySelector<HTMLElement>(".dialog-foot button");
    first?.focus();
    return () => {
      element?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={side ? "dialog dialog-side" : "dialog"}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // Only the ground beside it is the dialog itself.
        if (lightly && event.target === dialog.current) onClose();
      }}
    >
      <div className="dialog-box">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <Button type="text" icon={<CloseOutlined />} aria-label={t("state.close")} onClick={onClose} />
        </header>
        <div className="dialog-body">{children}</div>
        {footer !== undefined && <footer className="dialog-foot">{footer}</footer>}
      </div>
    </dialog>
  );
}

/** Where a list of choices has to open so that it lies over the dialog and not under it. */
export function withinDialog(trigger: HTMLElement): HTMLElement {
  return trigger.closest("dialog") ?? document.body;
}
