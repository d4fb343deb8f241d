import { MoonOutlined, QuestionCircleOutlined, SunOutlined } from "@ant-design/icons";
import { Button, Segmented, Tooltip } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { prefer, usePreferences, type Language } from "@/shared/preferences";
import { useDark } from "./providers";

interface ShellProps {
  /** What every page shows of the running conversation. */
  chips: ReactNode;
  help: boolean;
  onHelp: (open: boolean) => void;
  children: ReactNode;
}

/** What stands around every page. There is one page so far, so there is no navigation to it. */
export function Shell({ chips, help, onHelp, children }: ShellProps) {
  const { t } = useTranslation();
  const language = usePreferences((preferences) => preferences.language);
  const dark = useDark();
  return (
    <div className="shell">
      <a className="skip" href="#talk">
        {t("app.skip")}
      </a>
      <header className="header">
        <h1 className="brand">
          <img src="/icon.svg" alt="" width="24" height="24" />
          Vivavoce
        </h1>
        <div className="chips">{chips}</div>
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
                onHelp(!help);
              }}
            />
          </Tooltip>
        </div>
      </header>
      {children}
    </div>
  );
}
