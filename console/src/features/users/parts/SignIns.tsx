import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useTranslation } from "react-i18next";

import type { User } from "@/shared/api/types";
import { Dialog } from "@/shared/ui/Dialog";
import { SignInList } from "@/shared/ui/SignInList";
import { StateView } from "@/shared/ui/StateView";
import { signInsQuery } from "../queries";

interface SignInsProps {
  user: User;
  onClose: () => void;
  onSignOut: () => void;
}

/** Where somebody is signed in. */
export function SignIns({ user, onClose, onSignOut }: SignInsProps) {
  const { t } = useTranslation("users");
  const asked = useQuery(signInsQuery(user.id));
  return (
    <Dialog
      side
      title={t("sign_ins.title", { name: user.name })}
      onClose={onClose}
      footer={
        <Button danger onClick={onSignOut}>
          {t("act.sign_out")}
        </Button>
      }
    >
      <StateView asked={asked} rows={3} empty={{ when: (all) => all.length === 0, show: <p>{t("sign_ins.none")}</p> }}>
        {(all) => <SignInList signIns={all} />}
      </StateView>
    </Dialog>
  );
}
