import { Button } from "antd";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { TalkContext } from "@/features/talk/context";
import { createTalk } from "@/features/talk/instance";
import { TalkPage } from "@/features/talk/page";
import { may, session, type Role } from "@/shared/api/session";
import { useSession } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { localPath } from "@/shared/router/local";
import { Link, navigate, useAddress } from "@/shared/router/router";
import { ErrorBoundary } from "@/shared/ui/ErrorBoundary";
import { useHelp } from "./help";
import { forget, LazyPage, withTexts } from "./lazyPage";
import { ROUTES, type Route } from "./routes";
import { Shell } from "./shell";
import { useLive } from "./useLive";

declare const __GALLERY__: boolean;

const talk = createTalk();

const SignIn = lazy(withTexts(() => import("@/features/signin/page"), () => import("@/features/signin/texts")));

const Shared = lazy(withTexts(() => import("@/features/shared/page"), () => import("@/features/shared/texts")));

/** Its name is a constant of the build: where it is false, the import goes with it. */
const Gallery = __GALLERY__ ? lazy(() => import("./gallery/page")) : null;

/** The whole console: who is here decides what is shown at an address. */
export function Console() {
  return (
    <ErrorBoundary fallback={(error, again) => <Broken error={error} again={again} />}>
      <Addressed />
    </ErrorBoundary>
  );
}

function Addressed() {
  const { pathname, search } = useAddress();
  const phase = useSession((state) => state.phase);
  const person = useSession((state) => state.account?.id);
  useLive();
  const talking = isTalk(pathname);
  useEffect(() => {
    if (isTalk(pathname)) talk.session.goOnWith(pages.talkOn.match(pathname)?.conversation ?? null);
  }, [pathname]);
  useEffect(
    () => () => {
      // Nobody's conversation goes on after its person has gone.
      if (person !== undefined) talk.session.end();
    },
    [person],
  );

  if (Gallery !== null && pathname === "/gallery") return <Suspense><Gallery /></Suspense>;
  if (pages.signIn.match(pathname) !== null) return <Suspense><SignIn /></Suspense>;
  if (pages.shared.match(pathname) !== null) return <Suspense><Shared /></Suspense>;
  if (phase === "starting") return null;
  if (phase === "unreachable") return <Unreachable />;
  if (phase === "out") return <Redirect to={pages.signIn.href({}, { next: localPath(pathname + search) ?? undefined })} />;
  if (pages.home.match(pathname) !== null) return <Redirect to={pages.talk.href({})} />;
  return (
    <TalkContext value={talk}>
      <Shell talking={talking}>
        <Place pathname={pathname} />
      </Shell>
    </TalkContext>
  );
}

/** Talk itself, also where an earlier conversation goes on. */
function isTalk(pathname: string): boolean {
  return pages.talk.match(pathname) !== null || pages.talkOn.match(pathname) !== null;
}

function Place({ pathname }: { pathname: string }) {
  const state = useSession((each) => each);
  const [help, setHelp] = useHelp();
  if (isTalk(pathname)) {
    if (!may(state, "talk")) return <Forbidden role="user" />;
    return <TalkPage help={help} onHelp={setHelp} />;
  }
  const route = ROUTES.find(({ page }) => page.match(pathname) !== null);
  if (route === undefined) return <Missing />;
  if (route.needs !== undefined && !may(state, route.needs)) return <Forbidden role={route.role ?? "admin"} />;
  return <Loaded route={route} pathname={pathname} />;
}

function Loaded({ route, pathname }: { route: Route; pathname: string }) {
  const again = (reset: () => void): void => {
    forget(route.load);
    reset();
  };
  return (
    <main className="page" id="content" tabIndex={-1}>
      <ErrorBoundary
        resetKey={pathname}
        fallback={(error, reset) => (
          <Broken
            error={error}
            again={() => {
              again(reset);
            }}
          />
        )}
      >
        <LazyPage load={route.load} />
      </ErrorBoundary>
    </main>
  );
}

function Redirect({ to }: { to: string }) {
  useEffect(() => {
    navigate(to, { replace: true });
  }, [to]);
  return null;
}

function Unreachable() {
  const { t } = useTranslation();
  const [left, setLeft] = useState(RETRY_S);
  useEffect(() => {
    const timer = setInterval(() => {
      setLeft((seconds) => seconds - 1);
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  useEffect(() => {
    if (left > 0) return;
    void session.begin().then(() => {
      setLeft(RETRY_S);
    });
  }, [left]);
  return (
    <Alone>
      <p role="status">{left > 0 ? t("page.unreachable", { seconds: left }) : t("page.trying")}</p>
      <Button
        onClick={() => {
          setLeft(0);
        }}
      >
        {t("page.again")}
      </Button>
    </Alone>
  );
}

const RETRY_S = 4;

function Alone({ children }: { children: ReactNode }) {
  return <main className="broken">{children}</main>;
}

function Broken({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation();
  const code = error instanceof Error ? error.message : String(error);
  const unloaded = error instanceof TypeError && /import|module|fetch/i.test(code);
  return (
    <div className="broken" role="alert">
      <p>{t(unloaded ? "page.not_loaded" : "page.failed")}</p>
      <pre>{code}</pre>
      <Button type="primary" onClick={again}>
        {t("page.again")}
      </Button>
    </div>
  );
}

function Missing() {
  const { t } = useTranslation();
  return (
    <Alone>
      <p>{t("page.missing")}</p>
      <Link to={pages.talk.href({})}>{t("page.toTalk")}</Link>
    </Alone>
  );
}

function Forbidden({ role }: { role: Role }) {
  const { t, i18n } = useTranslation();
  const name = t(`role.${role}`);
  return (
    <Alone>
      <p>{t("page.needs", { role: i18n.language === "en" ? name.toLowerCase() : name })}</p>
      <Link to={pages.talk.href({})}>{t("page.toTalk")}</Link>
    </Alone>
  );
}
