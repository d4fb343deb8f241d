import { page } from "./router/page";
import { choice, flag, moment, text, whole } from "./router/params";

/** Every address of the console. What is shown there, and who may see it, stands in app/routes. */
export const pages = {
  home: page("/", {}),
  talk: page("/talk", {}),
  talkOn: page("/talk/:conversation", {}),
  history: page("/history", { q: text(), app: text(64), from: moment, to: moment, slow: whole(0, 3_600_000), cut: flag, owner: choice("*") }),
  conversation: page("/history/:id", {}),
  turn: page("/history/:id/turns/:n", {}),
  shared: page("/shared", {}),
  live: page("/live", { hours: choice("24", "168"), view: choice("chart", "table") }),
  apps: page("/apps", { search: text() }),
  app: page("/apps/:id", { tab: choice("form", "versions") }),
  users: page("/users", { search: text() }),
  audit: page("/audit", { who: text(64), what: text(48), from: moment, to: moment }),
  settings: page("/settings", {}),
  settingsTab: page("/settings/:tab", { search: text() }),
  signIn: page("/sign-in", { next: text(2000) }),
};
