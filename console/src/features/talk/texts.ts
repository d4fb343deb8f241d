import { addTexts } from "@/shared/i18n";
import en from "./texts.en.json";
import zh from "./texts.zh.json";

declare module "@/shared/i18n/resources" {
  interface Resources {
    talk: typeof en;
  }
}

addTexts("talk", { en, zh });
