import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import type { Share } from "@/shared/replay/types";
import { Dialog, withinDialog } from "@/shared/ui/Dialog";
import { Once } from "@/shared/ui/Once";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { day } from "@/shared/ui/time";
import { revoke, share, sharesQuery } from "../queries";

const DAYS: readonly number[] = [1, 7, 30, 90];
const USUAL_DAYS = 7;

/** Links with which anybody can listen: a new one, those that were given out, and their end. */
export function ShareDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, i18n } = useTranslation("history");
  const queries = useQueryClient();
  const [days, setDays] = useState(USUAL_DAYS);
  const asked = useQuery(sharesQuery(id));
  const again = (): Promise<void> => queries.invalidateQueries({ queryKey: keys.history.shares(id) });
  const making = useMutation({ mutationFn: () => share(id, days), onSuccess: again });
  const made = making.data;
  return (
    <Dialog title={t("share.title")} lightly={made === undefined} onClose={onClose}>
      <p>{t("share.words")}</p>
      <div className="share-new">
        <label htmlFor="share-days">{t("share.for")}</label>
        <Select
          id="share-days"
          virtual={false}
          value={days}
          getPopupContainer={withinDialog}
          options={DAYS.map((value) => ({ value, label: t("share.days", { count: value }) }))}
          onChange={setDays}
        />
        <Button
          type="primary"
          loading={making.isPending}
          onClick={() => {
            making.mutate();
          }}
        >
          {t("share.make")}
        </Button>
      </div>
      <Refusal error={making.error} />
      {made !== undefined && (
        <div role="status">
          <Once text={location.origin + made.path} label={t("share.copy")} />
          <p className="quiet">{t("share.until", { day: day(made.expires_at, i18n.language) })}</p>
        </div>
      )}
      <StateView asked={asked} rows={2} empty={{ when: (all) => all.length === 0, show: null }}>
        {(links) => (
          <ul className="plain-list" aria-label={t("share.given")}>
            {links.map((link) => (
              <Given key={link.id} link={link} id={id} onRevoked={again} />
            ))}
          </ul>
        )}
      </StateView>
    </Dialog>
  );
}

function Given({ link, id, onRevoked }: { link: Share; id: string; onRevoked: () => Promise<void> }) {
  const { t, i18n } = useTranslation("history");
  const revoking = useMutation({ mutationFn: () => revoke(id, link.id), onSuccess: onRevoked });
  const [now] = useState(() => Date.now());
  const over = link.revoked_at !== null ? "revoked" : Date.parse(link.expires_at) <= now ? "expired" : null;
  return (
    <li>
      <span className="plain-main">
        {over === null ? t("share.until", { day: day(link.expires_at, i18n.language) }) : t(`share.${over}`, { day: day(link.revoked_at ?? link.expires_at, i18n.language) })}
        <span className="quiet plain-second">
          {t("share.made", { day: day(link.created_at, i18n.language) })} · {t("share.views", { count: link.views, number: new Intl.NumberFormat(i18n.language).format(link.views) })}
        </span>
        <Refusal error={revoking.error} />
      </span>
      {over === null && (
        <Button
          size="small"
          danger
          loading={revoking.isPending}
          aria-label={t("share.revoke_of", { day: day(link.created_at, i18n.language) })}
          onClick={() => {
            revoking.mutate();
          }}
        >
          {t("share.revoke")}
        </Button>
      )}
    </li>
  );
}
