/** What stands behind the `#` of a link. */
const SHAPE = /^[A-Za-z0-9_-]{20,128}$/;

/**
 * The secret of a link: taken out of the address at once, where others might read it over a shoulder or in a history.
 * The tab's own history entry keeps it, so that the page can be loaded again. Null: there is none, or a part of one.
 */
export function takeSecret(): string | null {
  const given = location.hash.slice(1);
  if (given !== "") {
    history.replaceState({ shared: given }, "", location.pathname + location.search);
    return SHAPE.test(given) ? given : null;
  }
  const state: unknown = history.state;
  if (typeof state !== "object" || state === null || !("shared" in state)) return null;
  return typeof state.shared === "string" && SHAPE.test(state.shared) ? state.shared : null;
}
