import { EllipsisOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";

import { may } from "@/shared/api/session";
import { useSession } from "@/shared/api/useSession";
import { Link, navigate, useAddress } from "@/shared/router/router";
import { MenuButton } from "@/shared/ui/MenuButton";
import { PLACES, type Place } from "./routes";

/** Places that the bottom bar of a phone has room for, beside «More». */
const IN_BAR = 3;

/** What a role may not see is absent. On a phone it is the bar at the bottom. */
export function Navigation() {
  const { t } = useTranslation();
  const places = usePlaces();
  const { pathname } = useAddress();
  if (places.length < 2) return null;
  const rest = places.slice(IN_BAR);
  const inRest = rest.some((place) => isAt(place, pathname));
  return (
    <nav className="nav" aria-label={t("app.pages")}>
      <ul>
        {places.map((place, i) => (
          <li key={place.name} className={i < IN_BAR ? "" : "nav-wide"}>
            <Link className="nav-link" to={place.href} {...(isAt(place, pathname) ? { "aria-current": "page" as const } : {})}>
              <place.icon aria-hidden />
              <span>{t(`nav.${place.name}`)}</span>
            </Link>
          </li>
        ))}
        {rest.length > 0 && (
          <li className="nav-more">
            <MenuButton
              placement="topRight"
              onLink={navigate}
              items={rest.map(({ name, href }) => ({ key: name, label: t(`nav.${name}`), to: href }))}
            >
              {(opener) => (
                <button type="button" className="nav-link" data-current={inRest || undefined} {...opener}>
                  <EllipsisOutlined aria-hidden />
                  <span>{t("app.more")}</span>
                </button>
              )}
            </MenuButton>
          </li>
        )}
      </ul>
    </nav>
  );
}

export function usePlaces(): Place[] {
  const state = useSession((each) => each);
  return PLACES.filter(({ needs }) => may(state, needs));
}

function isAt({ under }: Place, pathname: string): boolean {
  return pathname === under || pathname.startsWith(`${under}/`);
}
