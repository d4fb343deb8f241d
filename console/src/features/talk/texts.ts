import { addTexts } from "@/shared/i18n";
import type en from "./texts.en.json";

declare module "@/shared/i18n/resources" {
  interface Resources {
    talk: typeof en;
  }
}

addTexts("talk", { en: () => import("./texts.en.json"), zh: () => import("./texts.zh.json") });
