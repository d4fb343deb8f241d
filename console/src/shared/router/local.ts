/**
 * Where to go after signing in: a path of this very server, else null. Browsers read `\` as `/` and drop tabs and line
 * feeds, so an address is only believed after the browser itself has taken it apart.
 */
export function localPath(wanted: string | null | undefined, origin: string = location.origin): string | null {
  if (wanted === null || wanted === undefined || !wanted.startsWith("/") || wanted.length > 2000) return null;
  let url: URL;
  try {
    url = new URL(wanted, origin);
  } catch {
    return null;
  }
  if (url.origin !== origin || url.username !== "" || url.pathname.startsWith("//")) return null;
  return url.pathname + url.search;
}
