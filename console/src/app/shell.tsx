import { MoonOutlined, QuestionCircleOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { Button, Segmented, Tooltip } from "antd";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { LineChip, MicrophoneChip } from "@/features/talk/parts/Privacy";
import { MiniBar } from "@/features/talk/parts/MiniBar";
import { session } from "@/shared/api/session";
import { useMay, useSession } from "@/shared/api/useSession";
import { LiveChip } from "@/shared/live/LiveChip";
import { pages } from "@/shared/pages";
import { prefer, usePreferences, type Language } from "@/shared/preferences";
import { Link, navigate, useAddress } from "@/shared/router/router";
import { MenuButton, type MenuItem } from "@/shared/ui/MenuButton";
import { useNarrow } from "@/shared/ui/useNarrow";
import { useHelp } from "./help";
import { Navigation } from "./navigation";
import { GeneralKeys } from "./keys";
import { useDark } from "./providers";

/** What stands around every page: header, navigation, and the conversation that goes on elsewhere. */
export function Shell({ talking, children }: { /** The page is Talk itself. */ talking: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  const { pathname } = useAddress();
  useFocusOnArrival(pathname);
  return (
    <div className="shell">
      <a className="skip" href={talking ? "#talk" : "#content"}>
        {t("app.skip")}
      </a>
      <header className="header">
        <Brand />
        <div className="chips">
          <MicrophoneChip />
          {talking ? <LineChip /> : <LiveChip />}
        </div>
        <Tools />
      </header>
      <div className="shell-body">
        <Navigation />
        <div className="content">{children}</div>
      </div>
      {!talking && <MiniBar onOpen={() => { navigate(pages.talk.href({})); }} />}
      <GeneralKeys talking={talking} />
    </div>
  );
}

function Brand() {
  return (
    <h1 className="brand">
      <Link to={pages.talk.href({})}>
        <img src="/icon.svg" alt="" width="24" height="24" />
        Vivavoce
      </Link>
    </h1>
  );
}

function Tools() {
  const { t } = useTranslation();
  const language = usePreferences((preferences) => preferences.language);
  const dark = useDark();
  const [help, setHelp] = useHelp();
  return (
    <div className="tools">
      <Segmented<Language>
        size="small"
        aria-label={t("app.language")}
        value={language}
        options={[
          { label: "EN", value: "en" },
          { label: "中文", value: "zh" },
        ]}
        onChange={(next) => {
          prefer({ language: next });
        }}
      />
      <Tooltip title={t(dark ? "app.theme_light" : "app.theme_dark")}>
        <Button
          type="text"
          icon={dark ? <SunOutlined /> : <MoonOutlined />}
          aria-label={`${t("app.theme")}: ${t(dark ? "app.theme_light" : "app.theme_dark")}`}
          onClick={() => {
            prefer({ theme: dark ? "light" : "dark" });
          }}
        />
      </Tooltip>
      <Tooltip title={t("app.keys")}>
        <Button
          type="text"
          icon={<QuestionCircleOutlined />}
          aria-label={t("app.keys")}
          aria-expanded={help}
          onClick={() => {
            setHelp(!help);
          }}
        />
      </Tooltip>
      <You />
    </div>
  );
}

/** Who is signed in, and the way out. */
function You() {
  const { t } = useTranslation();
  const account = useSession((state) => state.account);
  const self = useMay("self");
  const phase = useSession((state) => state.phase);
  const language = usePreferences((preferences) => preferences.language);
  const narrow = useNarrow();
  if (phase === "guest") return null;
  if (account === null)
    return (
      <Link to={pages.signIn.href({})}>
        <UserOutlined aria-hidden /> {t("app.sign_in")}
      </Link>
    );
  const name = account.display_name || account.name;
  const items: MenuItem[] = [
    ...(self ? [{ key: "settings", label: t("app.my_settings"), to: pages.settings.href({}) }] : []),
    // The header of a phone has no room for the switch.
    ...(narrow ? [{ key: "language", label: t("app.other_language"), act: () => { prefer({ language: language === "en" ? "zh" : "en" }); } }] : []),
    { key: "out", label: t("app.sign_out"), act: () => void session.signOut().catch(() => undefined) },
  ];
  return (
    <MenuButton
      items={items}
      onLink={navigate}
      head={
        <>
          <strong>{name}</strong>
          <span className="quiet">{t(`role.${account.role}`)}</span>
        </>
      }
    >
      {(opener) => <Button type="text" className="you" icon={<UserOutlined />} aria-label={`${t("app.you")}: ${name}`} {...opener} />}
    </MenuButton>
  );
}

/** Somebody who came by a link of this page hears and sees where they are; at the first page they need not. */
function useFocusOnArrival(pathname: string): void {
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    document.querySelector<HTMLElement>("#content, #talk")?.focus({ preventScroll: true });
  }, [pathname]);
}
