import { useTranslation } from "react-i18next";

import { useMay } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import { usePreferences } from "@/shared/preferences";
import { Link, useAddress } from "@/shared/router/router";
import { Access } from "./Access";
import { DoctorTab } from "./Doctor";
import { Mine } from "./Mine";
import { Server } from "./Server";
import "./settings.css";

const TABS = ["mine", "access", "server", "doctor"] as const;
type Tab = (typeof TABS)[number];

/** What is one's own, and what is the server's. */
export default function SettingsPage() {
  const { t } = useTranslation("settings");
  const { pathname } = useAddress();
  const admin = useMay("settings");
  const seenWell = usePreferences((preferences) => preferences.doctorSeenWell);
  const wanted = pages.settingsTab.match(pathname)?.tab;
  const tabs = TABS.filter((tab) => admin || tab === "mine" || tab === "access");
  // Until it has been green once, the doctor comes first.
  const first: Tab = admin && !seenWell ? "doctor" : "mine";
  const tab = tabs.find((each) => each === wanted) ?? first;
  return (
    <>
      <div className="page-head">
        <h2>{t("title.page")}</h2>
      </div>
      <nav className="tabs" aria-label={t("tab.label")}>
        {tabs.map((each) => (
          <Link key={each} to={pages.settingsTab.href({ tab: each })} {...(each === tab ? { "aria-current": "page" as const } : {})}>
            {t(`tab.${each}`)}
          </Link>
        ))}
      </nav>
      {tab === "mine" ? <Mine /> : tab === "access" ? <Access /> : tab === "server" ? <Server /> : <DoctorTab />}
    </>
  );
}
