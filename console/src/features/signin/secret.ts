/** The secret of a one-time link: taken out of the address before anything else can see it there. */
export function takeSecret(): string | null {
  const hash = new URLSearchParams(location.hash.slice(1));
  const secret = hash.get("link");
  if (location.hash !== "") history.replaceState(history.state, "", location.pathname + location.search);
  return secret !== null && /^[A-Za-z0-9_-]{20,128}$/.test(secret) ? secret : secret === null ? null : "";
}
