import { useCallback, useMemo, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

import type { Page, PathParams, Search } from "./page";

/**
 * The router of the console, over the browser's own history. A library would weigh 23 KB, a tenth of what Talk may
 * weigh, and this console has neither nested routes nor loaders: server data is the query cache's business.
 */
interface Address {
  pathname: string;
  search: string;
}

let address: Address = read();
const watchers = new Set<() => void>();

function read(): Address {
  return typeof location === "undefined" ? { pathname: "/", search: "" } : { pathname: location.pathname, search: location.search };
}

function changed(): void {
  const now = read();
  if (now.pathname === address.pathname && now.search === address.search) return;
  address = now;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  if (watchers.size === 0) window.addEventListener("popstate", changed);
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) window.removeEventListener("popstate", changed);
  };
}

/** Go to an address of this console. `replace`: in the place of the present one. */
export function navigate(href: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  changed();
}

/** What stands in the address bar now; drawn again when it changes. */
export function useAddress(): Address {
  return useSyncExternalStore(watch, () => address);
}

type AnyPage = Page<string, never>;
type PathOf<P> = P extends Page<infer Path, never> ? Path : P extends Page<infer Path> ? Path : never;
type SearchOf<P> = P extends { read(search: URLSearchParams): infer S } ? S : never;

/** The search parameters of a page, and how to change some of them; `undefined` takes one out of the address. */
export function useSearch<P extends { read(search: URLSearchParams): object }>(of: P): [SearchOf<P>, (change: Partial<SearchOf<P>>) => void] {
  const { search } = useAddress();
  const values = useMemo(() => of.read(new URLSearchParams(search)) as SearchOf<P>, [of, search]);
  const set = useCallback(
    (change: Partial<SearchOf<P>>) => {
      const { pathname, search: now } = address;
      const page = of as unknown as Page;
      const params = page.match(pathname) ?? {};
      navigate(page.href(params, { ...page.read(new URLSearchParams(now)), ...change }), { replace: true });
    },
    [of],
  );
  return [values, set];
}

/** The `:name` parts of the address. Only for what is drawn at that page. */
export function useParams<P extends AnyPage | Page>(of: P): PathParams<PathOf<P>> {
  const { pathname } = useAddress();
  const params = of.match(pathname);
  if (params === null) throw new Error(`${pathname} is not ${of.path}`);
  return params;
}

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  /** Made by a page's `href`. */
  to: string;
}

/** An ordinary link that does not load the page anew; a click that opens a tab or a window is the browser's. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={follow} {...rest} />;
}

export type { Search };
