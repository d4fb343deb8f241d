import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { SignIn } from "@/shared/api/types";
import { device } from "./agent";
import { ago } from "./time";
import { useMinute } from "./useMinute";

/** Where somebody is signed in, and since when. */
export function SignInList({ signIns, end }: { signIns: readonly SignIn[]; end?: (signIn: SignIn) => ReactNode }) {
  const { t, i18n } = useTranslation("problems");
  const now = useMinute();
  return (
    <ul className="plain-list">
      {signIns.map((signIn) => (
        <li key={signIn.id} data-row>
          <span className="plain-main">
            {device(signIn.agent) ?? t("sign_in.unknown")}
            {signIn.current && <span className="tag">{t("sign_in.this")}</span>}
            <span className="quiet plain-second">
              {[
                t(signIn.how === "link" ? "sign_in.by_link" : "sign_in.by_password"),
                signIn.address,
                t("sign_in.last", { ago: ago(signIn.last_used_at, i18n.language, now) }),
              ]
                .filter((part) => part !== "")
                .join(" · ")}
            </span>
          </span>
          {end?.(signIn)}
        </li>
      ))}
    </ul>
  );
}
