import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useTranslation } from "react-i18next";

import { statusQuery, type Health } from "@/shared/api/server";
import { pages } from "@/shared/pages";
import { spokenLanguage, usePreferences } from "@/shared/preferences";
import { Link } from "@/shared/router/router";
import { useTalk, useTalkParts } from "../context";
import { useElapsed } from "./useSeconds";

/** Before the first word: what this is, and three things to say. */
export function FirstUse({ health }: { health: Health }) {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const { data: status } = useQuery(statusQuery);
  const language = usePreferences(spokenLanguage);
  const examples = (status?.examples[language] ?? []).slice(0, 3);
  const ready = health.phase === "ok";
  const goesOn = useTalk((talk) => talk.goesOn);
  return (
    <div className="first">
      {ready ? <p className="first-sentence">{t("first.sentence")}</p> : <Loading health={health} />}
      {goesOn !== null && (
        <p>
          {t("first.goes_on")} <Link to={pages.conversation.href({ id: goesOn })}>{t("first.read_it")}</Link>
        </p>
      )}
      {ready && examples.length > 0 && (
        <div className="examples">
          <span className="examples-label">{t("first.try")}</span>
          <ul>
            {examples.map((example) => (
              <li key={example}>
                <Button
                  shape="round"
                  onClick={() => {
                    session.say(example);
                  }}
                >
                  <span lang={language}>{example}</span>
                </Button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Loading({ health: { phase, what } }: { health: Health }) {
  const { t } = useTranslation("talk");
  const seconds = useElapsed(phase, true);
  if (phase === "unreachable") return <p className="first-sentence">{t("first.unreachable")}</p>;
  if (phase === "draining") return <p className="first-sentence">{t("first.draining")}</p>;
  const words = what === "" ? t("first.loading_plain", { seconds }) : t("first.loading", { seconds, what });
  return (
    <p className="first-sentence" role="status">
      {words}
    </p>
  );
}
