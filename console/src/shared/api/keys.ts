/** Every key of the query cache: `[feature, kind, params]`. Live events and pages name the same things by it. */
const key = (feature: string, kind: string, params?: object): readonly unknown[] => (params === undefined ? [feature, kind] : [feature, kind, params]);

export const keys = {
  users: { all: ["users"] as const, list: () => key("users", "list"), one: (id: string) => key("users", "one", { id }), signIns: (id: string) => key("users", "sign-ins", { id }) },
  me: { all: ["me"] as const, signIns: () => key("me", "sign-ins"), tokens: () => key("me", "tokens") },
  apps: { all: ["apps"] as const, list: () => key("apps", "list"), one: (id: string) => key("apps", "one", { id }), versions: (id: string) => key("apps", "versions", { id }) },
  audit: { all: ["audit"] as const, list: (filter: object) => key("audit", "list", filter), chain: () => key("audit", "chain") },
  settings: { all: ["settings"] as const, values: () => key("settings", "values"), doctor: () => key("settings", "doctor") },
  history: {
    all: ["history"] as const,
    lists: () => key("history", "list"),
    list: (filter: object) => key("history", "list", filter),
    one: (id: string, more: object = {}) => key("history", "one", { id, ...more }),
    turns: (id: string, more: object = {}) => key("history", "turns", { id, ...more }),
    turn: (id: string, more: object = {}) => key("history", "turn", { id, ...more }),
    shares: (id: string) => key("history", "shares", { id }),
  },
  live: { all: ["live"] as const, sessions: () => key("live", "sessions"), statistics: (range: object) => key("live", "statistics", range) },
} as const;
