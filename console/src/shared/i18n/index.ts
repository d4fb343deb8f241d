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

/** The texts of a page that loads when it is opened: wait for it before the page is drawn. */
export async function loadTexts(namespace: keyof Resources, bundles: Record<Language, Load>): Promise<void> {
  if (!loads.some(([known]) => known === namespace)) addTexts(namespace, bundles);
  await fill(wanted);
}

/** Call once, before the first page is drawn. */
export async function startTexts(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "common",
    resources: {},
    interpolation: { escapeValue: false },
  });
  wanted = language;
  await fill(language);
  tellBrowser(language);
}

/** When the texts cannot be fetched, the page stays in the language that it has. */
export async function setLanguage(language: Language): Promise<void> {
  wanted = language;
  const filled = await fill(language).then(
    () => true,
    () => false,
  );
  if (!filled || wanted !== language) return;
  await i18next.changeLanguage(language);
  tellBrowser(language);
}

/** Fetches what is not there yet. */
async function fill(language: Language): Promise<void> {
  const absent = loads.filter(([namespace]) => !i18next.hasResourceBundle(language, namespace));
  const load = async ([namespace, languages]: (typeof loads)[number]): Promise<void> => {
    i18next.addResourceBundle(language, namespace, (await languages[language]()).default);
  };
  await Promise.all(absent.map(load));
}

function tellBrowser(language: Language): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
