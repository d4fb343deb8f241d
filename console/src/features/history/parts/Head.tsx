import { ArrowLeftOutlined, DeleteOutlined, DownloadOutlined, EllipsisOutlined, MessageOutlined, ShareAltOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import { useMay, useSession } from "@/shared/api/useSession";
import { pages } from "@/shared/pages";
import type { ConversationDetail } from "@/shared/replay/types";
import { Link, navigate } from "@/shared/router/router";
import { Confirm } from "@/shared/ui/Confirm";
import { MenuButton, type MenuItem } from "@/shared/ui/MenuButton";
import { save } from "@/shared/ui/save";
import { Refusal } from "@/shared/ui/StateView";
import { useNarrow } from "@/shared/ui/useNarrow";
import { appNamesQuery, download, remove } from "../queries";
import { ShareDialog } from "./ShareDialog";

/** When, with whom, how long; and what can be done with it. */
export function Head({ detail, words }: { detail: ConversationDetail; words: boolean }) {
  const { t, i18n } = useTranslation("history");
  const { id, app_id, started_at, turns, cuts, response_ms, owner_name } = detail;
  const { data: apps = [] } = useQuery(appNamesQuery);
  const number = new Intl.NumberFormat(i18n.language);
  const app = apps.find((each) => each.id === app_id)?.name ?? app_id;
  const when = new Date(started_at).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  const facts = [
    owner_name ?? "",
    app,
    t("list.turn_count", { count: turns, number: number.format(turns) }),
    cuts > 0 ? t("list.cut_count", { count: cuts, number: number.format(cuts) }) : "",
    response_ms === null ? "" : t("head.median", { ms: number.format(response_ms) }),
  ];
  return (
    <>
      <div className="page-head replay-head">
        <Link to={pages.history.href({})} className="back" aria-label={t("head.back")}>
          <ArrowLeftOutlined aria-hidden />
        </Link>
        <div className="replay-title">
          <h2>
            <time dateTime={started_at}>{when}</time>
          </h2>
          <span className="quiet">{facts.filter((fact) => fact !== "").join(" · ")}</span>
        </div>
        <span className="grow" />
        <Acts key={id} detail={detail} words={words} />
      </div>
    </>
  );
}

function Acts({ detail, words }: { detail: ConversationDetail; words: boolean }) {
  const { t } = useTranslation("history");
  const queries = useQueryClient();
  const narrow = useNarrow();
  const mine = useSession((state) => state.account?.id) === detail.owner_id;
  const talks = useMay("talk") && mine && detail.state !== "open";
  const [dialog, setDialog] = useState<"share" | "delete" | null>(null);
  const [fetching, setFetching] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const takeAway = (): void => {
    setFetching(true);
    setProblem(null);
    download(detail.id, words)
      .then((file) => {
        save(file, fileName(detail));
      }, setProblem)
      .finally(() => {
        setFetching(false);
      });
  };
  const close = (): void => {
    setDialog(null);
  };
  const open = (which: "share" | "delete") => (): void => {
    setDialog(which);
  };
  const items: MenuItem[] = [
    ...(narrow && mine ? [{ key: "share", label: t("head.share"), act: open("share") }] : []),
    ...(narrow && detail.words ? [{ key: "download", label: t("head.download"), act: takeAway, disabled: fetching }] : []),
    ...(mine ? [{ key: "delete", label: t("head.delete"), act: open("delete"), danger: true }] : []),
  ];
  return (
    <>
      {talks && (
        <Button
          type="primary"
          ghost
          icon={<MessageOutlined />}
          onClick={() => {
            navigate(pages.talkOn.href({ conversation: detail.id }));
          }}
        >
          {t("head.go_on")}
        </Button>
      )}
      {!narrow && mine && (
        <Button icon={<ShareAltOutlined />} onClick={open("share")}>
          {t("head.share")}
        </Button>
      )}
      {!narrow && detail.words && (
        <Button icon={<DownloadOutlined />} loading={fetching} onClick={takeAway}>
          {t("head.download")}
        </Button>
      )}
      {items.length > 0 && (
        <MenuButton items={items} onLink={navigate}>
          {(opener) => <Button icon={narrow || items.length > 1 ? <EllipsisOutlined /> : <DeleteOutlined />} aria-label={t("head.more")} {...opener} />}
        </MenuButton>
      )}
      {problem !== null && (
        <div className="head-problem">
          <Refusal error={problem} />
        </div>
      )}
      {dialog === "share" && <ShareDialog id={detail.id} onClose={close} />}
      {dialog === "delete" && (
        <Confirm
          title={t("delete.title")}
          verb={t("head.delete")}
          danger
          act={async () => {
            await remove(detail.id);
            navigate(pages.history.href({}), { replace: true });
            void queries.invalidateQueries({ queryKey: keys.history.lists() });
          }}
          onClose={close}
        >
          <p>{t("delete.words")}</p>
        </Confirm>
      )}
    </>
  );
}

/** Day and time, as files are sorted by. */
function fileName({ started_at }: ConversationDetail): string {
  return `conversation-${started_at.slice(0, 16).replace(/[-:]/g, "").replace("T", "-")}.zip`;
}
