import { useTranslation } from "react-i18next";

import { Problem } from "@/shared/api/problem";

/** A sentence for what went wrong, in the page's language; a code that is not known yet shows the server's own words. */
export function useProblemText(): (error: unknown) => string {
  const { t } = useTranslation("problems");
  return (error) => {
    if (!(error instanceof Problem)) return t("code.page");
    const seconds = Math.ceil(error.retryAfterS ?? 0);
    if (error.code === "rate_limited" && seconds > 0) return t("code.rate_limited_for", { seconds });
    const fallback = error.detail || t("code.unknown", { code: error.code });
    return t(`code.${error.code}` as "code.unknown", { code: error.code, defaultValue: fallback });
  };
}
