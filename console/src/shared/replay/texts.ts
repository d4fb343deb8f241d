import { loadTexts } from "@/shared/i18n";
import type en from "./texts.en.json";

declare module "@/shared/i18n/resources" {
  interface Resources {
    replay: typeof en;
  }
}

const load = (): Promise<void> =>
  loadTexts("replay", { en: () => import("./texts.en.json"), zh: () => import("./texts.zh.json") });

export default load;
