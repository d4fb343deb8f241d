import { Button } from "antd";
import Input from "antd/es/input/Input";
import { useId, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { newKey } from "@/shared/api/client";
import { Problem } from "@/shared/api/problem";
import type { Role, SignInLink, User } from "@/shared/api/types";
import { Dialog } from "@/shared/ui/Dialog";
import { RoleSelect } from "@/shared/ui/RoleSelect";
import { Refusal } from "@/shared/ui/StateView";
import { invite } from "../queries";

interface InviteProps {
  onClose: () => void;
  onInvited: (user: User, link: SignInLink) => void;
}

export function Invite({ onClose, onInvited }: InviteProps) {
  const { t } = useTranslation("users");
  const { t: problems } = useTranslation("problems");
  const form = useId();
  const [name, setName] = useState("");
  const [display, setDisplay] = useState("");
  const [role, setRole] = useState<Role>("user");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  // The same key for every press of the button, so that a lost answer makes nobody twice.
  const [key] = useState(newKey);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (name.trim() === "" || busy) return;
    setBusy(true);
    invite({ name: name.trim(), display_name: display.trim(), role }, key + name.trim()).then(
      ({ user, link }) => {
        onInvited(user, link);
      },
      (problem: unknown) => {
        setError(problem);
        setBusy(false);
      },
    );
  };
  const wrong = error instanceof Problem ? error.fields["name"] : undefined;
  return (
    <Dialog
      title={t("invite.title")}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{problems("state.cancel")}</Button>
          <Button type="primary" htmlType="submit" form={form} loading={busy} disabled={name.trim() === ""}>
            {t("invite.make")}
          </Button>
        </>
      }
    >
      <form id={form} className="dialog-form" onSubmit={submit}>
        <label htmlFor={`${form}-name`}>{t("invite.name")}</label>
        <Input
          id={`${form}-name`}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={64}
          value={name}
          aria-describedby={`${form}-rule`}
          {...(wrong === undefined ? {} : { status: "error" as const })}
          onChange={(event) => {
            setName(event.target.value);
          }}
        />
        <p id={`${form}-rule`} className={wrong === undefined ? "quiet" : "field-error"}>
          {wrong ?? t("invite.name_rule")}
        </p>
        <label htmlFor={`${form}-display`}>{t("invite.display")}</label>
        <Input
          id={`${form}-display`}
          autoComplete="off"
          maxLength={128}
          value={display}
          onChange={(event) => {
            setDisplay(event.target.value);
          }}
        />
        <span>{t("invite.role")}</span>
        <RoleSelect label={t("invite.role")} value={role} onChange={setRole} />
        <Refusal error={error} />
      </form>
    </Dialog>
  );
}
