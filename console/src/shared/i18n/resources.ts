import type common from "./texts.en.json";

/** The texts by namespace; each feature adds its own, typed by its English file. */
export interface Resources {
  common: typeof common;
}
