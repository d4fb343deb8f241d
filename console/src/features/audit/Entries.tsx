import { useTranslation } from "react-i18next";

import type { AuditEntry } from "@/shared/api/types";
import { clock, dateTime } from "@/shared/ui/time";
import { useNarrow } from "@/shared/ui/useNarrow";
import { VirtualRows } from "@/shared/ui/VirtualRows";
import "./audit.css";

const ROW = 40;
/** Three lines on a phone. */
const CARD = 84;

export function Entries({ entries, onEnd }: { entries: readonly AuditEntry[]; onEnd: () => void }) {
  const { t } = useTranslation("audit");
  const narrow = useNarrow();
  const heads = ["when", "who", "what", "object", "from", "outcome"] as const;
  return (
    <div className="audit">
      <VirtualRows
        label={t("list.label")}
        items={entries}
        keyOf={({ seq }) => String(seq)}
        height={narrow ? CARD : ROW}
        head={heads.map((head) => (
          <span key={head} role="columnheader">
            {t(`list.${head}`)}
          </span>
        ))}
        row={(entry) => <Entry entry={entry} />}
        onEnd={onEnd}
      />
    </div>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { t, i18n } = useTranslation("audit");
  const { at, actor_name, actor_id, act, object_kind, object_id, address, outcome, detail } = entry;
  const known = outcome === "ok" || outcome === "refused" || outcome === "failed";
  const name = actor_name !== "" ? actor_name : actor_id === "" ? t("list.nobody") : t("list.deleted");
  const object = [object_kind, object_id.length === 32 ? object_id.slice(0, 8) : object_id].filter((part) => part !== "").join(" ");
  const more = Object.entries(detail)
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return (
    <>
      <time role="cell" dateTime={at} title={dateTime(at, i18n.language)} className="audit-when">
        <span className="audit-day">{new Date(at).toLocaleDateString(i18n.language, { month: "short", day: "numeric" })}</span> {clock(at, i18n.language)}
      </time>
      <span role="cell" className="audit-who">
        {name}
      </span>
      <span role="cell" className="audit-what">
        <code>{act}</code>
      </span>
      <span role="cell" className="audit-object" title={more === "" ? object_id : `${object_id} ${more}`}>
        {object}
        {more !== "" && <span className="quiet"> {more}</span>}
      </span>
      <span role="cell" className="audit-from quiet">
        {address}
      </span>
      <span role="cell" className={`audit-outcome outcome-${outcome}`}>
        {known ? t(`outcome.${outcome}`) : outcome}
      </span>
    </>
  );
}
