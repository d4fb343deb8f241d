import { AudioOutlined, ScissorOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";

import { pages } from "@/shared/pages";
import type { Conversation } from "@/shared/replay/types";
import { Link } from "@/shared/router/router";
import { marked } from "../marked";

interface ListRowProps {
  conversation: Conversation;
  /** What its app is called. */
  app: string;
  /** What was looked for. */
  query: string | undefined;
}

export function ListRow({ conversation, app, query }: ListRowProps) {
  const { t, i18n } = useTranslation("history");
  const { id, started_at, channel, turns, cuts, response_ms, state, owner_name, recorded, language } = conversation;
  const number = new Intl.NumberFormat(i18n.language);
  const start = new Date(started_at);
  const day = start.toLocaleDateString(i18n.language, { month: "short", day: "numeric", ...(start.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" }) });
  const time = start.toLocaleTimeString(i18n.language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (
    <>
      <span role="cell" className="history-when">
        <time dateTime={started_at} title={start.toLocaleString(i18n.language)}>
          {day} {time}
        </time>
        <span className="history-second">{state === "open" ? <span className="history-open">{t("list.going_on")}</span> : t(`channel.${channel}` as "channel.web", { defaultValue: channel })}</span>
      </span>
      <span role="cell" className="history-what">
        <Link className="history-title" lang={language} to={pages.conversation.href({ id })}>
          <First conversation={conversation} query={query} />
        </Link>
        <span className="history-second">
          {[owner_name ?? "", app].filter((part) => part !== "").join(" · ")}
          {recorded && (
            <>
              {" · "}
              <AudioOutlined aria-hidden /> {t("list.recorded")}
            </>
          )}
        </span>
      </span>
      <span role="cell" className="history-turns">
        {t("list.turn_count", { count: turns, number: number.format(turns) })}
      </span>
      <span role="cell" className="history-cuts">
        {cuts > 0 && (
          <>
            <ScissorOutlined aria-hidden /> {t("list.cut_count", { count: cuts, number: number.format(cuts) })}
          </>
        )}
      </span>
      <span role="cell" className="history-response">
        {response_ms !== null && t("list.ms", { ms: number.format(response_ms) })}
      </span>
    </>
  );
}

/** The words that were found, else the first ones that were said. */
function First({ conversation: { matches, title }, query }: { conversation: Conversation; query: string | undefined }) {
  const { t } = useTranslation("history");
  const found = query === undefined ? undefined : matches.find(({ said, heard }) => said !== null || heard !== null);
  if (found === undefined) return title === null ? <span className="quiet">{t("list.no_words")}</span> : title || t("list.nothing_said");
  const lines = [found.said, found.heard].filter((line) => line !== null && line !== "").map((line) => marked(line ?? "", query ?? ""));
  const best = lines.find((line) => line.some(({ hit }) => hit)) ?? lines[0] ?? [];
  return best.map(({ text, hit }, i) => (hit ? <mark key={i}>{text}</mark> : <span key={i}>{text}</span>));
}
