import i18next, { type ResourceKey } from "i18next";
import { initReactI18next } from "react-i18next";

import type { Language } from "@/shared/preferences";
import type { Resources } from "./resources";
import en from "./texts.en.json";
import zh from "./texts.zh.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: Resources;
  }
}

/** Of both languages: of the shell, and of the features that are part of the first load. */
const texts: Record<Language, Record<string, ResourceKey>> = { en: { common: en }, zh: { common: zh } };

/** Call once, before the first page is drawn. */
export function startTexts(language: Language): void {
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    defaultNS: "common",
    resources: texts,
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  setLanguage(language);
}

export function setLanguage(language: Language): void {
  void i18next.changeLanguage(language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

/** The texts of a feature, which load with it: before the start or at any time after it. */
export function addTexts(namespace: keyof Resources, bundles: Record<Language, ResourceKey>): void {
  for (const language of ["en", "zh"] as const) {
    texts[language][namespace] = bundles[language];
    if (i18next.isInitialized) i18next.addResourceBundle(language, namespace, bundles[language]);
  }
}
