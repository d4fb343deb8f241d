/** The API's own types, by the names that the console uses. They are made from docs/openapi.json. */
import type { components } from "@/generated/api";
import type { Role } from "@/generated/permissions";

type Schemas = components["schemas"];

export type { Role };
export type Account = Schemas["UserView"];
export type User = Account;
export type Me = Schemas["MeView"];
export type Grant = Schemas["SignedIn"];
export type SignIn = Schemas["SignInView"];
export type ApiToken = Schemas["TokenView"];
export type NewApiToken = Schemas["NewTokenView"];
export type SignInLink = Schemas["LinkView"];

export type AuditEntry = Schemas["EntryView"];
export type ChainState = Schemas["ChainView"];

/** What comes out of the server has all its fields, also those that may be left out on the way in. */
export type AppBody = Required<Schemas["AppBody"]>;
export type AppSummary = Schemas["AppSummary"];
export type AppMode = AppSummary["modes"][number];
export type AppView = Schemas["AppView"];
export type AppVersion = Omit<Schemas["VersionView"], "body"> & { body: AppBody };

export type Settings = Schemas["SettingsView"];
export type Setting = Schemas["SettingView"];
export type SettingValue = Setting["value"];

export type Doctor = Schemas["DoctorView"];
export type Kind = Doctor["in_use"][number]["kind"];
export type Tried = Schemas["TryView"];

export type LiveSession = Schemas["SessionView"];
export type Statistics = Schemas["StatisticsView"];

/** A piece of a list; `next` is the cursor of the following one. */
export interface ListPage<T> {
  items: T[];
  next: string | null;
}
