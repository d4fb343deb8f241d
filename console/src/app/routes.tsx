import {
  AppstoreOutlined,
  AuditOutlined,
  DashboardOutlined,
  HistoryOutlined,
  MessageOutlined,
  SettingOutlined,
  TeamOutlined,
} from "@ant-design/icons";
import type { ComponentType } from "react";

import type { Permission, Role } from "@/shared/api/session";
import { pages } from "@/shared/pages";
import type { Page } from "@/shared/router/page";
import { withTexts, type Load } from "./lazyPage";

export interface Route {
  page: Pick<Page, "path" | "match">;
  /** Absent: whoever is here. */
  needs?: Permission;
  /** The least role that has it, for the sentence that says so. */
  role?: Role;
  load: Load;
}

/** What a menu leads to. `key` follows `g`. */
export interface Place {
  name: "talk" | "history" | "live" | "apps" | "users" | "audit" | "settings";
  icon: ComponentType;
  href: string;
  /** Addresses below it count as being there. */
  under: string;
  needs: Permission;
  key: string;
}

const users: Load = withTexts(() => import("@/features/users/page"), () => import("@/features/users/texts"));
const audit: Load = withTexts(() => import("@/features/audit/page"), () => import("@/features/audit/texts"));
const apps: Load = withTexts(() => import("@/features/apps/page"), () => import("@/features/apps/texts"));
const app: Load = withTexts(() => import("@/features/apps/editor"), () => import("@/features/apps/texts"));
const settings: Load = withTexts(() => import("@/features/settings/page"), () => import("@/features/settings/texts"));
const history: Load = withTexts(() => import("@/features/history/page"), () => import("@/features/history/texts"));
const conversation: Load = withTexts(() => import("@/features/history/conversation"), () => import("@/features/history/texts"));
const live: Load = withTexts(() => import("@/features/live/page"), () => import("@/features/live/texts"));

/** Every page but Talk, which is there from the start. The first one that fits is shown. */
export const ROUTES: readonly Route[] = [
  { page: pages.history, needs: "history.own", role: "user", load: history },
  { page: pages.conversation, needs: "history.own", role: "user", load: conversation },
  { page: pages.turn, needs: "history.own", role: "user", load: conversation },
  { page: pages.live, needs: "live", role: "viewer", load: live },
  { page: pages.apps, needs: "apps.write", role: "admin", load: apps },
  { page: pages.app, needs: "apps.write", role: "admin", load: app },
  { page: pages.users, needs: "users", role: "admin", load: users },
  { page: pages.audit, needs: "audit", role: "admin", load: audit },
  { page: pages.settings, needs: "self", role: "user", load: settings },
  { page: pages.settingsTab, needs: "self", role: "user", load: settings },
];

export const PLACES: readonly Place[] = [
  { name: "talk", icon: MessageOutlined, href: pages.talk.href({}), under: "/talk", needs: "talk", key: "t" },
  { name: "history", icon: HistoryOutlined, href: pages.history.href({}), under: "/history", needs: "history.own", key: "h" },
  { name: "live", icon: DashboardOutlined, href: pages.live.href({}), under: "/live", needs: "live", key: "l" },
  { name: "apps", icon: AppstoreOutlined, href: pages.apps.href({}), under: "/apps", needs: "apps.write", key: "a" },
  { name: "users", icon: TeamOutlined, href: pages.users.href({}), under: "/users", needs: "users", key: "u" },
  { name: "audit", icon: AuditOutlined, href: pages.audit.href({}), under: "/audit", needs: "audit", key: "i" },
  { name: "settings", icon: SettingOutlined, href: pages.settings.href({}), under: "/settings", needs: "settings", key: "s" },
];
