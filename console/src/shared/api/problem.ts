/** What the server said when it did not do what was asked (`application/problem+json`), or that it said nothing. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** 0: there was no answer. */
  readonly status: number;
  /** Stable; the texts go by it. */
  readonly code: string;
  readonly detail: string;
  /** Names the request in the server's log. */
  readonly requestId: string | null;
  /** What is wrong with which field of the body. */
  readonly fields: Readonly<Record<string, string>>;
  readonly retryAfterS: number | null;

  constructor(told: Partial<Omit<Problem, "name" | "message">> & { status: number; code: string }) {
    super(told.detail ?? told.code);
    this.status = told.status;
    this.code = told.code;
    this.detail = told.detail ?? "";
    this.requestId = told.requestId ?? null;
    this.fields = told.fields ?? {};
    this.retryAfterS = told.retryAfterS ?? null;
  }

  static async of(response: Response): Promise<Problem> {
    const told: unknown = await response.json().catch(() => null);
    const retry = Number(response.headers.get("retry-after") ?? "");
    return new Problem({
      status: response.status,
      code: text(told, "code") ?? `http_${response.status}`,
      detail: text(told, "detail") ?? text(told, "title") ?? "",
      requestId: text(told, "request_id") ?? response.headers.get("x-request-id"),
      fields: fields(told),
      retryAfterS: retry > 0 ? retry : null,
    });
  }

  static unreachable(): Problem {
    return new Problem({ status: 0, code: "unreachable" });
  }
}

function text(told: unknown, key: string): string | null {
  if (typeof told !== "object" || told === null) return null;
  const value = (told as Record<string, unknown>)[key];
  return typeof value === "string" ? value : null;
}

/** Either `{"name": "why"}` or `[{"field": "name", "message": "why"}]`. */
function fields(told: unknown): Record<string, string> {
  const given = typeof told === "object" && told !== null && "fields" in told ? told.fields : null;
  if (typeof given !== "object" || given === null) return {};
  const pairs = Array.isArray(given)
    ? given.map((each) => [text(each, "field") ?? text(each, "name"), text(each, "message") ?? text(each, "detail")] as const)
    : Object.entries(given).map(([name, why]) => [name, String(why)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[0] === "string" && typeof pair[1] === "string"));
}
