import type { Param } from "./params";

type Names<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? Names<Head> | Names<Tail>
  : Path extends `:${infer Name}`
    ? Name
    : never;

/** The values of `:name` parts of a path. */
export type PathParams<Path extends string> = Record<Names<Path>, string>;

type SearchShape = Record<string, Param<unknown>>;
type ValueOf<P> = P extends Param<infer T> ? T : never;
/** What is not in the address is absent. */
export type Search<S extends SearchShape> = { [K in keyof S]?: ValueOf<S[K]> | undefined };

/**
 * An address of the console: a path with `:name` parts, and typed search parameters. It knows nothing of what is shown
 * there, so that pages can lead to each other without importing each other.
 */
export interface Page<Path extends string = string, S extends SearchShape = SearchShape> {
  readonly path: Path;
  href(params: PathParams<Path>, search?: Search<S>): string;
  /** Null: another page's path. */
  match(pathname: string): PathParams<Path> | null;
  /** What has a wrong form counts as absent. */
  read(search: URLSearchParams): Search<S>;
}

export function page<const Path extends string, S extends SearchShape>(path: Path, shape: S): Page<Path, S> {
  const parts = path.split("/");
  const params: [string, Param<unknown>][] = Object.entries(shape);
  return {
    path,
    href(values, search) {
      const filled = parts.map((part) => (part.startsWith(":") ? encodeURIComponent((values as Record<string, string>)[part.slice(1)] ?? "") : part));
      const query = new URLSearchParams();
      for (const [name, param] of params) {
        const value = search?.[name];
        if (value !== undefined) query.set(name, param.format(value));
      }
      return filled.join("/") + (query.size === 0 ? "" : `?${query}`);
    },
    match(pathname) {
      const given = pathname.replace(/(?<=.)\/$/, "").split("/");
      if (given.length !== parts.length) return null;
      const values: Record<string, string> = {};
      for (const [i, part] of parts.entries()) {
        const here = given[i] ?? "";
        if (!part.startsWith(":")) {
          if (part !== here) return null;
          continue;
        }
        const value = decoded(here);
        if (value === null) return null;
        values[part.slice(1)] = value;
      }
      return values as PathParams<Path>;
    },
    read(search) {
      const found: [string, unknown][] = [];
      for (const [name, param] of params) {
        const value = search.get(name);
        const parsed = value === null ? null : param.parse(value);
        if (parsed !== null) found.push([name, parsed]);
      }
      return Object.fromEntries(found) as Search<S>;
    },
  };
}

/** Null: empty, or no text at all. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part) || null;
  } catch {
    return null;
  }
}
