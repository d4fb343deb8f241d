import { loadTexts } from "@/shared/i18n";
import type en from "./texts.en.json";

declare module "@/shared/i18n/resources" {
  interface Resources {
    problems: typeof en;
  }
}

/** What every page but Talk says about server data. */
const load = (): Promise<void> =>
  loadTexts("problems", { en: () => import("./texts.en.json"), zh: () => import("./texts.zh.json") });

export default load;
