import { createRootRoute, createRoute, createRouter, Link, Outlet, redirect, useSearch, type ErrorComponentProps } from "@tanstack/react-router";
import { Button } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { TalkContext } from "@/features/talk/context";
import { createTalk } from "@/features/talk/instance";
import { TalkPage } from "@/features/talk/page";
import { LineChip, MicrophoneChip } from "@/features/talk/parts/Privacy";
import type { GallerySearch } from "./gallery/page";
import { Shell } from "./shell";

declare const __GALLERY__: boolean;

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}

const talk = createTalk();

function TalkScreen() {
  const [help, setHelp] = useState(false);
  const chips = (
    <>
      <MicrophoneChip />
      <LineChip />
    </>
  );
  return (
    <TalkContext value={talk}>
      <Shell chips={chips} help={help} onHelp={setHelp}>
        <TalkPage help={help} onHelp={setHelp} />
      </Shell>
    </TalkContext>
  );
}

function Broken({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <main className="broken" role="alert">
      <p>{t("page.failed")}</p>
      <pre>{error instanceof Error ? error.message : String(error)}</pre>
      <Button type="primary" onClick={reset}>
        {t("page.again")}
      </Button>
    </main>
  );
}

function Missing() {
  const { t } = useTranslation();
  return (
    <main className="broken">
      <p>{t("page.missing")}</p>
      <Link to="/talk">{t("page.toTalk")}</Link>
    </main>
  );
}

/** Of development and test builds only; what is no known value is left out. */
function gallerySearch(search: Record<string, unknown>): GallerySearch {
  const { state, theme, language } = search;
  return {
    ...(typeof state === "string" ? { state } : {}),
    ...(theme === "dark" || theme === "light" ? { theme } : {}),
    ...(language === "zh" || language === "en" ? { language } : {}),
  };
}

/** Its name is a constant of the build: where it is false, the import goes with it. */
const Gallery = __GALLERY__ ? lazy(() => import("./gallery/page")) : null;

function GalleryScreen() {
  const search = useSearch({ strict: false });
  if (Gallery === null) return <Missing />;
  return (
    <Suspense>
      <Gallery {...gallerySearch(search)} />
    </Suspense>
  );
}

export function createConsoleRouter() {
  const root = createRootRoute({ component: Outlet, errorComponent: Broken, notFoundComponent: Missing });
  const home = createRoute({
    getParentRoute: () => root,
    path: "/",
    beforeLoad: () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to say so
      throw redirect({ to: "/talk", replace: true });
    },
  });
  const talkRoute = createRoute({ getParentRoute: () => root, path: "/talk", component: TalkScreen });
  const gallery = createRoute({ getParentRoute: () => root, path: "/gallery", component: GalleryScreen });
  const routes = __GALLERY__ ? [home, talkRoute, gallery] : [home, talkRoute];
  return createRouter({ routeTree: root.addChildren(routes) });
}
