import { ArrowLeftOutlined, EllipsisOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Segmented } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { newKey } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AppBody } from "@/shared/api/types";
import { pages } from "@/shared/pages";
import { Link, navigate, useParams, useSearch } from "@/shared/router/router";
import { useTrial } from "@/shared/trial";
import { Confirm } from "@/shared/ui/Confirm";
import { usePageKeys } from "@/shared/ui/keys";
import { MenuButton, type MenuItem } from "@/shared/ui/MenuButton";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { bodyOf, changed, NEW_BODY, slug } from "./body";
import { AppForm } from "./parts/AppForm";
import { Versions } from "./parts/Versions";
import { appQuery, createApp, deleteApp, saveApp, type Loaded } from "./queries";
import "./apps.css";

/** What a copy is made of, for the page of a new app. */
let copied: AppBody | null = null;

/** One app: its persona, its versions. `new` is the one that is not there yet. */
export default function AppPage() {
  const { id } = useParams(pages.app);
  return id === "new" ? <NewApp /> : <OneApp key={id} id={id} />;
}

function NewApp() {
  const { t } = useTranslation("apps");
  const queries = useQueryClient();
  const [body, setBody] = useState<AppBody>(() => copied ?? NEW_BODY);
  const [id, setId] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [key] = useState(newKey);
  const chosen = id ?? slug(body.name);
  useEffect(() => {
    copied = null;
  }, []);
  const create = (): void => {
    if (busy || body.name.trim() === "" || chosen.length < 2) return;
    setBusy(true);
    createApp(chosen, body, key + chosen)
      .then(async () => {
        await queries.invalidateQueries({ queryKey: keys.apps.all });
        navigate(pages.app.href({ id: chosen }), { replace: true });
      })
      .catch((error: unknown) => {
        setProblem(error);
        setBusy(false);
      });
  };
  useSaveKey(create);
  return (
    <>
      <Head title={t("form.new_title")}>
        <TryButton draft={{ ...body }} />
        <Button type="primary" loading={busy} disabled={body.name.trim() === "" || chosen.length < 2} onClick={create}>
          {t("form.create")}
        </Button>
      </Head>
      <Refusal error={problem} />
      <AppForm body={body} onChange={setBody} problem={problem} id={{ value: chosen, onChange: setId }} />
    </>
  );
}

function OneApp({ id }: { id: string }) {
  const asked = useQuery(appQuery(id));
  return (
    <StateView asked={asked} rows={10}>
      {(loaded) => <Editor loaded={loaded} />}
    </StateView>
  );
}

function Editor({ loaded }: { loaded: Loaded }) {
  const { t } = useTranslation("apps");
  const queries = useQueryClient();
  const [{ tab = "form" }, setSearch] = useSearch(pages.app);
  // What one edits, and from which version; news from elsewhere does not write over it.
  const [base, setBase] = useState(loaded);
  const [body, setBody] = useState(() => bodyOf(loaded.app));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [saved, setSaved] = useState<number | null>(null);
  const [deleting, setDeleting] = useState(false);
  const { app } = base;
  const fields = changed(bodyOf(app), body);
  const elsewhere = loaded.app.version > app.version;
  const load = (): void => {
    setBase(loaded);
    setBody(bodyOf(loaded.app));
    setProblem(null);
  };
  // With nothing of one's own to lose, what is newer is simply shown.
  if (elsewhere && fields.length === 0) load();

  const save = (): void => {
    if (busy || fields.length === 0 || app.built_in) return;
    setBusy(true);
    setProblem(null);
    saveApp(app.id, body, base.etag)
      .then(async () => {
        await queries.invalidateQueries({ queryKey: keys.apps.all });
        const now = await queries.query(appQuery(app.id));
        setBase(now);
        setBody(bodyOf(now.app));
        setSaved(now.app.version);
      })
      .catch(setProblem)
      .finally(() => {
        setBusy(false);
      });
  };
  useSaveKey(save);
  const copy = (): void => {
    copied = { ...body, name: t("form.copy_name", { name: body.name }).slice(0, 80) };
    navigate(pages.app.href({ id: "new" }));
  };
  const items: MenuItem[] = [
    { key: "copy", label: t("form.copy"), act: copy },
    ...(app.built_in ? [] : [{ key: "delete", label: t("form.delete"), danger: true, act: () => { setDeleting(true); } }]),
  ];
  return (
    <>
      <Head title={app.name}>
        {fields.length > 0 && <span className="quiet">{t("form.unsaved")}</span>}
        <TryButton draft={{ ...body, app: app.id }} />
        {app.built_in ? (
          <Button type="primary" onClick={copy}>
            {t("form.copy")}
          </Button>
        ) : (
          <Button type="primary" loading={busy} disabled={fields.length === 0} aria-keyshortcuts="Control+S Meta+S" onClick={save}>
            {t("form.save")}
          </Button>
        )}
        <MenuButton items={items} onLink={navigate}>
          {(opener) => <Button icon={<EllipsisOutlined />} aria-label={t("form.more")} {...opener} />}
        </MenuButton>
      </Head>
      {app.built_in && <Alert type="info" showIcon title={t("form.built_in")} />}
      {elsewhere && <Alert type="warning" showIcon title={t("form.elsewhere")} action={<Button size="small" onClick={load}>{t("form.load")}</Button>} />}
      {saved !== null && fields.length === 0 && <Alert type="success" showIcon title={t("form.saved", { version: saved })} />}
      <Refusal error={problem} />
      {!app.built_in && (
        <Segmented
          className="app-tabs"
          aria-label={t("form.tabs")}
          value={tab}
          options={[
            { value: "form" as const, label: t("form.edit") },
            { value: "versions" as const, label: t("form.versions") },
          ]}
          onChange={(next) => {
            setSearch({ tab: next === "form" ? undefined : next });
          }}
        />
      )}
      {tab === "versions" && !app.built_in ? <Versions loaded={loaded} /> : <AppForm body={body} onChange={setBody} problem={problem} readOnly={app.built_in} />}
      {deleting && (
        <Confirm
          title={t("confirm.delete", { name: app.name })}
          verb={t("form.delete")}
          danger
          act={async () => {
            await deleteApp(app.id);
            navigate(pages.apps.href({}), { replace: true });
            queries.removeQueries({ queryKey: keys.apps.one(app.id) });
            await queries.invalidateQueries({ queryKey: keys.apps.all });
          }}
          onClose={() => {
            setDeleting(false);
          }}
        >
          <p>{t("confirm.delete_words")}</p>
        </Confirm>
      )}
    </>
  );
}

function Head({ title, children }: { title: string; children: React.ReactNode }) {
  const { t } = useTranslation("apps");
  return (
    <div className="page-head">
      <Link to={pages.apps.href({})} aria-label={t("form.back")} title={t("form.back")}>
        <ArrowLeftOutlined />
      </Link>
      <h2>{title}</h2>
      <span className="grow" />
      {children}
    </div>
  );
}

/** Talk with what is in the form, saved or not. */
function TryButton({ draft }: { draft: AppBody & { app?: string } }) {
  const { t } = useTranslation("apps");
  const go = (): void => {
    const { name, app, prompt, voice, language, patience } = draft;
    useTrial.setState({ trial: { name, prompt, voice, language, patience, ...(app === undefined ? {} : { app }) } });
    navigate(pages.talk.href({}));
  };
  usePageKeys([{ key: "t", words: t("form.try"), act: go }]);
  return (
    <Button aria-keyshortcuts="T" onClick={go}>
      {t("form.try")}
    </Button>
  );
}

function useSaveKey(save: () => void): void {
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      save();
    };
    window.addEventListener("keydown", down);
    return () => {
      window.removeEventListener("keydown", down);
    };
  });
}
