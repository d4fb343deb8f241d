import i18next, { type ResourceKey } from "i18next";
import { initReactI18next } from "react-i18next";

import type { Language } from "@/shared/preferences";
import type { Resources } from "./resources";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: Resources;
  }
}

/** One language's texts of a namespace: a file of their own, because nobody reads both. */
type Load = () => Promise<{ default: ResourceKey }>;

const loads: [keyof Resources, Record<Language, Load>][] = [
  ["common", { en: () => import("./texts.en.json"), zh: () => import("./texts.zh.json") }],
];
let wanted: Language;

/** The texts of a feature of the first load: call it before the start. */
export function addTexts(namespace: keyof Resources, bundles: Record<Language, Load>): void {
  loads.push([namespace, bundles]);
}

/** Call once, before the first page is drawn. */
export async function startTexts(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "common",
    resources: { [language]: await texts(language) },
    interpolation: { escapeValue: false },
  });
  wanted = language;
  tellBrowser(language);
}

/** When the texts cannot be fetched, the page stays in the language that it has. */
export async function setLanguage(language: Language): Promise<void> {
  wanted = language;
  if (!i18next.hasResourceBundle(language, "common")) {
    const bundles = await texts(language).catch(() => null);
    if (bundles === null) return;
    for (const [namespace, bundle] of Object.entries(bundles)) i18next.addResourceBundle(language, namespace, bundle);
  }
  if (wanted !== language) return;
  await i18next.changeLanguage(language);
  tellBrowser(language);
}

async function texts(language: Language): Promise<Record<string, ResourceKey>> {
  const bundles: Record<string, ResourceKey> = {};
  const load = async ([namespace, languages]: (typeof loads)[number]): Promise<void> => {
    bundles[namespace] = (await languages[language]()).default;
  };
  await Promise.all(loads.map(load));
  return bundles;
}

function tellBrowser(language: Language): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
