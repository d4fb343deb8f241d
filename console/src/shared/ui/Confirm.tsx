import { Button } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";
import { Refusal } from "./StateView";

interface ConfirmProps {
  title: string;
  /** What will happen, and whether it can be undone. */
  children: ReactNode;
  verb: string;
  danger?: boolean;
  act: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before something that hurts; a failure is told here, and nothing closes over it. */
export function Confirm({ title, children, verb, danger = false, act, onClose }: ConfirmProps) {
  const { t } = useTranslation("problems");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = (): void => {
    setBusy(true);
    act().then(onClose, (problem: unknown) => {
      setError(problem);
      setBusy(false);
    });
  };
  const footer = (
    <>
      <Button onClick={onClose}>{t("state.cancel")}</Button>
      <Button type="primary" danger={danger} loading={busy} onClick={go}>
        {verb}
      </Button>
    </>
  );
  return (
    <Dialog title={title} footer={footer} onClose={onClose}>
      {children}
      <Refusal error={error} />
    </Dialog>
  );
}
