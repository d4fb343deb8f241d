import { Button } from "antd";
import { useTranslation } from "react-i18next";

import type { SignInLink, User } from "@/shared/api/types";
import { Dialog } from "@/shared/ui/Dialog";
import { Once } from "@/shared/ui/Once";
import { clock } from "@/shared/ui/time";

/** The link, this once: with the dialog it is gone from the page. */
export function LinkOnce({ user, link: { link, expires_at }, onClose }: { user: User; link: SignInLink; onClose: () => void }) {
  const { t, i18n } = useTranslation("users");
  return (
    <Dialog
      title={t("link.title", { name: user.name })}
      lightly={false}
      onClose={onClose}
      footer={
        <Button type="primary" onClick={onClose}>
          {t("link.done")}
        </Button>
      }
    >
      <p>{t("link.once", { time: clock(expires_at, i18n.language) })}</p>
      <Once text={link} label={t("link.copy")} />
    </Dialog>
  );
}
