import IconContext from "@ant-design/icons/es/components/Context";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { ConfigProvider } from "antd";
import { useEffect, useMemo, useSyncExternalStore, type ReactNode } from "react";

import { setLanguage } from "@/shared/i18n";
import { usePreferences, type Theme } from "@/shared/preferences";
import { antTheme } from "./theme";

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: false } } });

/** The server puts a fresh one into the page: without it no style of Ant Design would be let in. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

export function Providers({ children }: { children: ReactNode }) {
  const language = usePreferences((preferences) => preferences.language);
  const dark = useDark();
  const theme = useMemo(() => antTheme(dark), [dark]);
  useEffect(() => {
    void setLanguage(language);
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark]);
  return (
    <QueryClientProvider client={queries}>
      <ConfigProvider
        csp={{ nonce }}
        theme={theme}
        button={{ autoInsertSpace: false }}
        wave={{ disabled: true }}
      >
        <IconContext value={{ csp: { nonce }, prefixCls: "anticon" }}>{children}</IconContext>
      </ConfigProvider>
    </QueryClientProvider>
  );
}

export function useDark(): boolean {
  const theme = usePreferences((preferences) => preferences.theme);
  const system = useSyncExternalStore(watchSystem, () => systemTheme.matches);
  return isDark(theme, system);
}

function isDark(theme: Theme, system: boolean): boolean {
  return theme === "system" ? system : theme === "dark";
}

const systemTheme = matchMedia("(prefers-color-scheme: dark)");

function watchSystem(changed: () => void): () => void {
  systemTheme.addEventListener("change", changed);
  return () => {
    systemTheme.removeEventListener("change", changed);
  };
}
