import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import Password from "antd/es/input/Password";
import { useId, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import { session } from "@/shared/api/session";
import { Problem } from "@/shared/api/problem";
import { useSession } from "@/shared/api/useSession";
import { Confirm } from "@/shared/ui/Confirm";
import { SignInList } from "@/shared/ui/SignInList";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { changePassword, endSignIn, mySignInsQuery } from "./queries";
import { Tokens } from "./Tokens";

/** One's own ways in: password, sign-ins, tokens. */
export function Access() {
  return (
    <>
      <PasswordCard />
      <SignInsCard />
      <Tokens />
    </>
  );
}

function PasswordCard() {
  const { t } = useTranslation("settings");
  const account = useSession((state) => state.account);
  const id = useId();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  if (account === null) return null;
  const has = account.has_password;
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setBusy(true);
    setDone(false);
    setProblem(null);
    changePassword(has ? old : null, fresh)
      .then(() => {
        setDone(true);
        setOld("");
        setFresh("");
        session.know({ ...account, has_password: true });
      }, setProblem)
      .finally(() => {
        setBusy(false);
      });
  };
  const wrongOld = problem instanceof Problem && problem.code === "sign_in_failed";
  const wrongNew = problem instanceof Problem ? problem.fields["new"] : undefined;
  return (
    <section className="card">
      <h3>{t("password.title")}</h3>
      {!has && <p className="quiet">{t("password.none")}</p>}
      <form className="password-form" onSubmit={submit}>
        {/* So that a password manager knows whose it is. */}
        <input className="visually-hidden" type="text" autoComplete="username" value={account.name} readOnly tabIndex={-1} aria-hidden />
        {has && (
          <>
            <label htmlFor={`${id}-old`}>{t("password.old")}</label>
            <Password id={`${id}-old`} autoComplete="current-password" maxLength={128} value={old} onChange={(event) => { setOld(event.target.value); }} />
            {wrongOld && <p className="field-error">{t("password.wrong")}</p>}
          </>
        )}
        <label htmlFor={`${id}-new`}>{t("password.new")}</label>
        <Password
          id={`${id}-new`}
          autoComplete="new-password"
          minLength={12}
          maxLength={128}
          value={fresh}
          aria-describedby={`${id}-rule`}
          onChange={(event) => {
            setFresh(event.target.value);
          }}
        />
        <p id={`${id}-rule`} className={wrongNew === undefined ? "quiet" : "field-error"}>
          {wrongNew ?? t("password.rule")}
        </p>
        {done && <Alert type="success" showIcon title={t("password.done")} />}
        {!wrongOld && <Refusal error={problem} />}
        <Button htmlType="submit" loading={busy} disabled={fresh.length < 12 || (has && old === "")}>
          {t(has ? "password.change" : "password.set")}
        </Button>
      </form>
    </section>
  );
}

function SignInsCard() {
  const { t } = useTranslation("settings");
  const asked = useQuery(mySignInsQuery);
  const queries = useQueryClient();
  const [problem, setProblem] = useState<unknown>(null);
  const [asking, setAsking] = useState(false);
  return (
    <section className="card">
      <div className="page-head">
        <h3>{t("sign_ins.title")}</h3>
        <span className="grow" />
        <Button
          onClick={() => {
            setAsking(true);
          }}
        >
          {t("sign_ins.everywhere")}
        </Button>
      </div>
      <Refusal error={problem} />
      <StateView asked={asked} rows={3}>
        {(all) => (
          <SignInList
            signIns={all}
            end={(signIn) =>
              signIn.current ? null : (
                <Button
                  size="small"
                  onClick={() => {
                    endSignIn(signIn.id)
                      .then(() => queries.invalidateQueries({ queryKey: keys.me.all }))
                      .catch(setProblem);
                  }}
                >
                  {t("sign_ins.end")}
                </Button>
              )
            }
          />
        )}
      </StateView>
      {asking && (
        <Confirm
          title={t("sign_ins.everywhere_ask")}
          verb={t("sign_ins.everywhere")}
          danger
          act={() => session.signOut(true)}
          onClose={() => {
            setAsking(false);
          }}
        >
          <p>{t("sign_ins.everywhere_words")}</p>
        </Confirm>
      )}
    </section>
  );
}
