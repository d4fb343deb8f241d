import { loadTexts } from "@/shared/i18n";
import loadReplay from "@/shared/replay/texts";
import type en from "./texts.en.json";

declare module "@/shared/i18n/resources" {
  interface Resources {
    shared: typeof en;
  }
}

const load = async (): Promise<void> => {
  await Promise.all([loadReplay(), loadTexts("shared", { en: () => import("./texts.en.json"), zh: () => import("./texts.zh.json") })]);
};

export default load;
