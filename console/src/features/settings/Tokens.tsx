import { PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Select } from "antd";
import Input from "antd/es/input/Input";
import { useId, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { allowed, PERMISSIONS, ROLES } from "@/generated/permissions";
import { newKey } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { ApiToken, Role } from "@/shared/api/types";
import { useSession } from "@/shared/api/useSession";
import { Confirm } from "@/shared/ui/Confirm";
import { Dialog, withinDialog } from "@/shared/ui/Dialog";
import { Once } from "@/shared/ui/Once";
import { RoleSelect } from "@/shared/ui/RoleSelect";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { ago, day } from "@/shared/ui/time";
import { useMinute } from "@/shared/ui/useMinute";
import { createToken, myTokensQuery, revokeToken } from "./queries";

type Open = { is: "new" } | { is: "made"; name: string; token: string } | { is: "revoke"; token: ApiToken };

/** Tokens for scripts: what they may, how long, and when they were last used. */
export function Tokens() {
  const { t, i18n } = useTranslation("settings");
  const { t: common } = useTranslation();
  const asked = useQuery(myTokensQuery);
  const queries = useQueryClient();
  const now = useMinute();
  const [open, setOpen] = useState<Open | null>(null);
  const close = (): void => {
    setOpen(null);
  };
  const renew = (): Promise<void> => queries.invalidateQueries({ queryKey: keys.me.tokens() });
  return (
    <section className="card">
      <div className="page-head">
        <h3>{t("tokens.title")}</h3>
        <span className="grow" />
        <Button icon={<PlusOutlined />} onClick={() => { setOpen({ is: "new" }); }}>
          {t("tokens.make")}
        </Button>
      </div>
      <StateView asked={asked} rows={2} empty={{ when: (all) => all.length === 0, show: <p className="quiet">{t("tokens.none")}</p> }}>
        {(all) => (
          <ul className="plain-list">
            {all.map((token) => (
              <li key={token.id} data-row>
                <span className="plain-main">
                  {token.name} <code className="quiet">{token.hint}…</code>
                  <span className="tag">{common(`role.${token.role}`)}</span>
                  <span className="quiet plain-second">
                    {t("tokens.until", { day: day(token.expires_at, i18n.language) })} ·{" "}
                    {token.last_used_at === null ? t("tokens.unused") : t("tokens.used", { ago: ago(token.last_used_at, i18n.language, now) })}
                  </span>
                </span>
                <Button size="small" aria-label={t("tokens.revoke_of", { name: token.name })} onClick={() => { setOpen({ is: "revoke", token }); }}>
                  {t("tokens.revoke")}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </StateView>
      {open?.is === "new" && (
        <NewTokenDialog
          onClose={close}
          onMade={(name, token) => {
            void renew();
            setOpen({ is: "made", name, token });
          }}
        />
      )}
      {open?.is === "made" && (
        <Dialog
          title={t("tokens.once_title", { name: open.name })}
          lightly={false}
          onClose={close}
          footer={
            <Button type="primary" onClick={close}>
              {t("tokens.done")}
            </Button>
          }
        >
          <p>{t("tokens.once")}</p>
          <Once text={open.token} label={t("tokens.copy")} />
        </Dialog>
      )}
      {open?.is === "revoke" && (
        <Confirm title={t("tokens.revoke_ask", { name: open.token.name })} verb={t("tokens.revoke")} danger act={() => revokeToken(open.token.id).then(renew)} onClose={close}>
          <p>{t("tokens.revoke_words")}</p>
        </Confirm>
      )}
    </section>
  );
}

const LIVES = [7, 30, 90, 365];

function NewTokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (name: string, token: string) => void }) {
  const { t } = useTranslation("settings");
  const { t: problems } = useTranslation("problems");
  const mine = useSession((state) => state.account?.role ?? "user");
  const form = useId();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(mine);
  const [days, setDays] = useState<number>(30);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [key] = useState(newKey);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (busy || name.trim() === "") return;
    setBusy(true);
    createToken({ name: name.trim(), role, days }, key).then(
      (made) => {
        onMade(made.name, made.token);
      },
      (error: unknown) => {
        setProblem(error);
        setBusy(false);
      },
    );
  };
  return (
    <Dialog
      title={t("tokens.make")}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{problems("state.cancel")}</Button>
          <Button type="primary" htmlType="submit" form={form} loading={busy} disabled={name.trim() === ""}>
            {t("tokens.make")}
          </Button>
        </>
      }
    >
      <form id={form} className="dialog-form" onSubmit={submit}>
        <label htmlFor={`${form}-name`}>{t("tokens.name")}</label>
        <Input id={`${form}-name`} autoComplete="off" maxLength={64} value={name} onChange={(event) => { setName(event.target.value); }} />
        <span>{t("tokens.role")}</span>
        <RoleSelect label={t("tokens.role")} roles={ROLES.filter((each) => weaker(each, mine))} value={role} onChange={setRole} />
        <span>{t("tokens.days")}</span>
        <Select
          aria-label={t("tokens.days")}
          virtual={false}
          getPopupContainer={withinDialog}
          value={days}
          options={LIVES.map((value) => ({ value, label: t("tokens.days_value", { count: value }) }))}
          onChange={setDays}
        />
        <Refusal error={problem} />
      </form>
    </Dialog>
  );
}

/** Nobody makes a token that may more than they may. */
function weaker(role: Role, mine: Role): boolean {
  return PERMISSIONS.every((permission) => !allowed(role, permission) || allowed(mine, permission));
}
