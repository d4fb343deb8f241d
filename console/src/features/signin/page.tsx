import { Button } from "antd";
import Input from "antd/es/input/Input";
import Password from "antd/es/input/Password";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { Problem } from "@/shared/api/problem";
import { useSession } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { localPath } from "@/shared/router/local";
import { navigate, useSearch } from "@/shared/router/router";
import { CopyButton, Refusal } from "@/shared/ui/StateView";
import { signInByLink, signInByPassword } from "./grant";
import { LanguageLinks } from "./LanguageLinks";
import { takeSecret } from "./secret";
import "./signin.css";

// As soon as this file runs: the first drawing would be late, and drawing twice would find it gone.
const SECRET = takeSecret();

/** One-time link or password; afterwards one lands where one wanted to go. */
export default function SignInPage() {
  const { t } = useTranslation("signin");
  const { t: common } = useTranslation();
  const [{ next }] = useSearch(pages.signIn);
  const signedIn = useSession((state) => state.phase === "in");
  const [secret, setSecret] = useState(SECRET);
  const [choosing, setChoosing] = useState(false);
  // A link speaks for somebody, whoever is signed in here: it is redeemed first.
  const pending = secret !== null;
  useEffect(() => {
    if (signedIn && !pending) navigate(localPath(next) ?? pages.talk.href({}), { replace: true });
  }, [signedIn, pending, next]);

  return (
    <main className="signin">
      <h1 className="brand">
        <img src="/icon.svg" alt="" width="32" height="32" />
        Vivavoce
      </h1>
      <section className="signin-card" aria-label={t("form.title")}>
        {secret === null ? (
          <PasswordForm />
        ) : choosing ? (
          <NewPassword
            secret={secret}
            onDone={() => {
              setSecret(null);
            }}
          />
        ) : (
          <Redeem
            secret={secret}
            onChoose={() => {
              setChoosing(true);
            }}
            onDone={() => {
              setSecret(null);
            }}
          >
            <PasswordForm />
          </Redeem>
        )}
      </section>
      <LanguageLinks label={common("app.language")} />
    </main>
  );
}

/** One attempt for each secret, however often React draws. */
const attempts = new Map<string, Promise<void>>();

interface RedeemProps {
  secret: string;
  /** It is for a forgotten password: a new one is needed. */
  onChoose: () => void;
  onDone: () => void;
  /** Another way in. */
  children: ReactNode;
}

function Redeem({ secret, onChoose, onDone, children }: RedeemProps) {
  const { t } = useTranslation("signin");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let here = true;
    const attempt = attempts.get(secret) ?? signInByLink(secret);
    attempts.set(secret, attempt);
    attempt.then(
      () => {
        if (here) onDone();
      },
      (error: unknown) => {
        attempts.delete(secret);
        if (!here) return;
        const told = error instanceof Problem ? error : Problem.unreachable();
        if (told.code === "password_needed") onChoose();
        else setProblem(told);
      },
    );
    return () => {
      here = false;
    };
    // The deeds are the page's and do not change with what is drawn.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [secret, tries]);

  if (problem === null) return <p role="status">{t("link.redeeming")}</p>;
  const used = problem.code === "link_invalid" || secret === "";
  return (
    <>
      {used ? (
        <div role="alert" className="signin-problem">
          <p>{t("link.bad")}</p>
          <p>
            <code>vivavoce link</code> <CopyButton text="vivavoce link" label={t("link.copy")} />
          </p>
        </div>
      ) : (
        <>
          <Refusal error={problem} />
          <Button
            onClick={() => {
              setProblem(null);
              setTries(tries + 1);
            }}
          >
            {t("link.again")}
          </Button>
        </>
      )}
      {children}
    </>
  );
}

function NewPassword({ secret, onDone }: { secret: string; onDone: () => void }) {
  const { t } = useTranslation("signin");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setBusy(true);
    signInByLink(secret, password).then(onDone, (error: unknown) => {
      setProblem(error);
      setBusy(false);
    });
  };
  return (
    <form onSubmit={submit} className="signin-form">
      <p>{t("link.choose")}</p>
      <label htmlFor="new-password">{t("link.new_password")}</label>
      <Password
        id="new-password"
        autoFocus
        autoComplete="new-password"
        minLength={12}
        maxLength={128}
        required
        aria-describedby="new-password-rule"
        value={password}
        onChange={(event) => {
          setPassword(event.target.value);
        }}
      />
      <p id="new-password-rule" className="quiet">
        {t("link.rule")}
      </p>
      <Refusal error={problem} />
      <Button type="primary" htmlType="submit" loading={busy} block>
        {t("link.save")}
      </Button>
    </form>
  );
}

function PasswordForm() {
  const { t } = useTranslation("signin");
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [missing, setMissing] = useState<"name" | "password" | null>(null);
  const [caps, setCaps] = useState(false);
  const blocked = useCountdown(problem);

  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    // Read from the fields themselves: what a password manager writes there is not always told to React.
    const data = new FormData(form.current ?? undefined);
    const [name, password] = ["name", "password"].map((field) => {
      const value = data.get(field);
      return typeof value === "string" ? value : "";
    }) as [string, string];
    const absent = name.trim() === "" ? "name" : password === "" ? "password" : null;
    setMissing(absent);
    if (absent !== null || busy) {
      form.current?.querySelector<HTMLInputElement>(`[name=${absent ?? "name"}]`)?.focus();
      return;
    }
    setBusy(true);
    setProblem(null);
    signInByPassword(name.trim(), password)
      .catch((error: unknown) => {
        setProblem(error);
        form.current?.querySelector<HTMLInputElement>("[name=password]")?.select();
      })
      .finally(() => {
        setBusy(false);
      });
  };
  const watchCaps = (event: KeyboardEvent): void => {
    setCaps(event.getModifierState("CapsLock"));
  };
  const wrong = problem instanceof Problem && problem.code === "sign_in_failed";
  return (
    <form ref={form} onSubmit={submit} className="signin-form" noValidate>
      <p className="quiet">{t("form.first")}</p>
      <label htmlFor="name">{t("form.name")}</label>
      <Input
        id="name"
        name="name"
        autoFocus
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
        aria-invalid={missing === "name"}
        {...(missing === "name" ? { status: "error" as const, "aria-describedby": "name-error" } : {})}
      />
      {missing === "name" && (
        <p id="name-error" className="signin-error">
          {t("form.need_name")}
        </p>
      )}
      <label htmlFor="password">{t("form.password")}</label>
      <Password
        id="password"
        name="password"
        autoComplete="current-password"
        maxLength={128}
        onKeyUp={watchCaps}
        aria-invalid={missing === "password"}
        {...(missing === "password" ? { status: "error" as const, "aria-describedby": "password-error" } : {})}
      />
      {missing === "password" && (
        <p id="password-error" className="signin-error">
          {t("form.need_password")}
        </p>
      )}
      {caps && <p className="quiet">{t("form.caps")}</p>}
      <div aria-live="polite">
        {blocked > 0 ? (
          <p className="signin-error">{t("form.blocked", { seconds: blocked })}</p>
        ) : wrong ? (
          <p className="signin-error">{t("form.wrong")}</p>
        ) : (
          <Refusal error={problem} />
        )}
      </div>
      <Button type="primary" htmlType="submit" loading={busy} disabled={blocked > 0} block>
        {t("form.submit")}
      </Button>
    </form>
  );
}

/** Seconds until the next try counts; 0: now. */
function useCountdown(problem: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const seconds = problem instanceof Problem && problem.status === 429 ? Math.ceil(problem.retryAfterS ?? 30) : 0;
    const until = Date.now() + seconds * 1000;
    const tick = (): void => {
      setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    };
    const first = setTimeout(tick);
    const timer = seconds > 0 ? setInterval(tick, 1000) : undefined;
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [problem]);
  return left;
}
