import { Segmented } from "antd";

import { prefer, usePreferences, type Language } from "@/shared/preferences";

/** Before one is in there is no header: the language is chosen here. */
export function LanguageLinks({ label }: { label: string }) {
  const language = usePreferences((preferences) => preferences.language);
  return (
    <Segmented<Language>
      aria-label={label}
      value={language}
      options={[
        { label: "English", value: "en" },
        { label: "中文", value: "zh" },
      ]}
      onChange={(next) => {
        prefer({ language: next });
      }}
    />
  );
}
