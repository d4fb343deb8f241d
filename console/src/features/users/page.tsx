import { EllipsisOutlined, UserAddOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import Search from "antd/es/input/Search";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { keys } from "@/shared/api/keys";
import type { Role, SignInLink, User } from "@/shared/api/types";
import { useSession } from "@/shared/api/useSession";
import { useLiveState } from "@/shared/live/store";
import { pages } from "@/shared/pages";
import { navigate, useSearch } from "@/shared/router/router";
import { Confirm } from "@/shared/ui/Confirm";
import { usePageKeys } from "@/shared/ui/keys";
import { MenuButton, type MenuItem } from "@/shared/ui/MenuButton";
import { RoleSelect } from "@/shared/ui/RoleSelect";
import { Nothing, Refusal, StateView } from "@/shared/ui/StateView";
import { day } from "@/shared/ui/time";
import { Invite } from "./parts/Invite";
import { LinkOnce } from "./parts/LinkOnce";
import { SignIns } from "./parts/SignIns";
import { changeUser, deleteUser, makeLink, signOutUser, usersQuery } from "./queries";

/** What is open over the list. */
type Open =
  | { is: "invite" }
  | { is: "link"; user: User; link: SignInLink }
  | { is: "sign-ins"; user: User }
  | { is: "sign_out" | "disable" | "delete"; user: User }
  | { is: "role"; user: User; role: Role };

/** People, their roles and sign-ins. */
export default function UsersPage() {
  const { t } = useTranslation("users");
  const { t: problems } = useTranslation("problems");
  const [{ search = "" }, setSearch] = useSearch(pages.users);
  const asked = useInfiniteQuery(usersQuery(search));
  const lost = useLiveState((state) => state.line === "lost");
  const queries = useQueryClient();
  const [open, setOpen] = useState<Open | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const close = (): void => {
    setOpen(null);
  };
  const renew = (): Promise<void> => queries.invalidateQueries({ queryKey: keys.users.all });
  usePageKeys([{ key: "i", words: t("list.invite"), act: () => { setOpen({ is: "invite" }); } }]);

  const users = asked.data?.pages.flatMap(({ items }) => items);
  return (
    <>
      <div className="page-head">
        <h2>{t("list.title")}</h2>
        <span className="grow" />
        <span data-search>
          <Search
            allowClear
            defaultValue={search}
            placeholder={t("list.search")}
            aria-label={t("list.search")}
            onSearch={(words) => {
              setSearch({ search: words.trim() || undefined });
            }}
          />
        </span>
        <Button
          type="primary"
          icon={<UserAddOutlined />}
          aria-keyshortcuts="I"
          onClick={() => {
            setOpen({ is: "invite" });
          }}
        >
          {t("list.invite")}
        </Button>
      </div>
      <Refusal error={problem} />
      {lost && <Alert type="warning" showIcon title={t("list.paused")} />}
      <StateView
        asked={{ ...asked, data: users }}
        empty={{
          when: (found) => found.length === 0,
          show: (
            <Nothing words={problems("state.no_match")}>
              <Button
                onClick={() => {
                  setSearch({ search: undefined });
                }}
              >
                {problems("state.clear")}
              </Button>
            </Nothing>
          ),
        }}
      >
        {(found) => (
          <>
            <People users={found} onOpen={setOpen} onProblem={setProblem} />
            {found.length === 1 && search === "" && <p className="quiet">{t("list.alone")}</p>}
            {asked.hasNextPage && (
              <Button
                loading={asked.isFetchingNextPage}
                onClick={() => {
                  void asked.fetchNextPage();
                }}
              >
                {problems("state.more")}
              </Button>
            )}
          </>
        )}
      </StateView>
      {open !== null && <Layer open={open} onOpen={setOpen} onClose={close} onChanged={renew} />}
    </>
  );
}

interface Told {
  onOpen: (open: Open) => void;
  onProblem: (error: unknown) => void;
}

function People({ users, onOpen, onProblem }: Told & { users: User[] }) {
  const { t, i18n } = useTranslation("users");
  const me = useSession(({ account }) => account?.id);
  return (
    <div className="rows-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">{t("list.name")}</th>
            <th scope="col">{t("list.role")}</th>
            <th scope="col">{t("list.way")}</th>
            <th scope="col">{t("list.since")}</th>
            <th scope="col" className="acts">
              <span className="visually-hidden">{t("list.acts")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.id} data-row>
              <td>
                {user.name}
                {user.display_name !== "" && <span className="quiet"> {user.display_name}</span>}
                {user.id === me && <span className="tag">{t("list.you")}</span>}
                {user.disabled && <span className="tag tag-off">{t("list.disabled")}</span>}
              </td>
              <td>
                <RoleSelect
                  label={t("list.role_of", { name: user.name })}
                  value={user.role}
                  onChange={(role) => {
                    if (role !== user.role) onOpen({ is: "role", user, role });
                  }}
                />
              </td>
              <td className="quiet">{t(user.has_password ? "list.by_password" : "list.by_link")}</td>
              <td className="quiet">{day(user.created_at, i18n.language)}</td>
              <td className="acts">
                <Acts user={user} self={user.id === me} onOpen={onOpen} onProblem={onProblem} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Acts({ user, self, onOpen, onProblem }: Told & { user: User; self: boolean }) {
  const { t } = useTranslation("users");
  const queries = useQueryClient();
  const link = (kind: "sign_in" | "reset") => (): void => {
    onProblem(null);
    makeLink(user.id, kind).then((made) => {
      onOpen({ is: "link", user, link: made });
    }, onProblem);
  };
  const ask = (is: "sign_out" | "disable" | "delete") => (): void => {
    onOpen({ is, user });
  };
  const enable = (): void => {
    onProblem(null);
    changeUser(user, { disabled: false })
      .then(() => queries.invalidateQueries({ queryKey: keys.users.all }))
      .catch(onProblem);
  };
  const items: MenuItem[] = [
    { key: "link", label: t("act.link"), act: link("sign_in"), disabled: user.disabled },
    { key: "reset", label: t("act.reset"), act: link("reset"), disabled: user.disabled },
    { key: "sign-ins", label: t("act.sign_ins"), act: () => { onOpen({ is: "sign-ins", user }); } },
    { key: "audit", label: t("act.audit"), to: pages.audit.href({}, { who: user.id }) },
    { key: "out", label: t("act.sign_out"), act: ask("sign_out") },
    user.disabled ? { key: "enable", label: t("act.enable"), act: enable } : { key: "disable", label: t("act.disable"), act: ask("disable"), disabled: self },
    { key: "delete", label: t("act.delete"), act: ask("delete"), danger: true, disabled: self },
  ];
  return (
    <MenuButton items={items} onLink={navigate}>
      {(opener) => <Button type="text" icon={<EllipsisOutlined />} aria-label={t("list.more_acts", { name: user.name })} {...opener} />}
    </MenuButton>
  );
}

interface LayerProps {
  open: Open;
  onOpen: (open: Open) => void;
  onClose: () => void;
  onChanged: () => Promise<void>;
}

function Layer({ open, onOpen, onClose, onChanged }: LayerProps) {
  const { t, i18n } = useTranslation("users");
  const { t: common } = useTranslation();
  if (open.is === "invite")
    return (
      <Invite
        onClose={onClose}
        onInvited={(user, link) => {
          void onChanged();
          onOpen({ is: "link", user, link });
        }}
      />
    );
  if (open.is === "link") return <LinkOnce user={open.user} link={open.link} onClose={onClose} />;
  const { user } = open;
  const { name } = user;
  const then = (deed: Promise<unknown>): Promise<unknown> => deed.then(onChanged);
  switch (open.is) {
    case "sign-ins":
      return <SignIns user={user} onClose={onClose} onSignOut={() => { onOpen({ is: "sign_out", user }); }} />;
    case "sign_out":
      return (
        <Confirm title={t("confirm.sign_out", { name })} verb={t("act.sign_out")} danger act={() => then(signOutUser(user.id))} onClose={onClose}>
          <p>{t("confirm.sign_out_words")}</p>
        </Confirm>
      );
    case "disable":
      return (
        <Confirm title={t("confirm.disable", { name })} verb={t("act.disable")} danger act={() => then(changeUser(user, { disabled: true }))} onClose={onClose}>
          <p>{t("confirm.disable_words")}</p>
        </Confirm>
      );
    case "delete":
      return (
        <Confirm title={t("confirm.delete", { name })} verb={t("act.delete")} danger act={() => then(deleteUser(user))} onClose={onClose}>
          <p>{t("confirm.delete_words")}</p>
        </Confirm>
      );
    case "role": {
      const { role } = open;
      const word = common(`role.${role}`);
      const title = t("confirm.role", { name, role: i18n.language === "en" ? word.toLowerCase() : word });
      return (
        <Confirm title={title} verb={t("confirm.role_verb")} act={() => then(changeUser(user, { role }))} onClose={onClose}>
          <p>{t("confirm.role_words")}</p>
        </Confirm>
      );
    }
  }
}
