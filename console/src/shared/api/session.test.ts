import { describe, expect, it } from "vitest";

import { FakeApi, grant } from "@/shared/testing/api";
import { Client } from "./client";
import { Problem } from "./problem";
import { Session } from "./session";

const REFUSED = { problem: { status: 401, code: "refresh_invalid" } } as const;

function page(api: FakeApi) {
  let now = 0;
  const session = new Session(api.fetch, (act) => act(), () => now);
  return { session, client: new Client(session), pass: (ms: number) => (now += ms) };
}

const count = (api: FakeApi, what: string): number => api.asked.filter((each) => each === what).length;

describe("a page that begins", () => {
  it("is signed in by its cookie", async () => {
    const api = new FakeApi().on("POST /api/auth/refresh", ({ headers }) => (headers.get("x-vivavoce") === "1" ? { json: grant("user") } : REFUSED));
    const { session } = page(api);
    await session.begin();
    expect(session.store.getState()).toMatchObject({ phase: "in", account: { role: "user" } });
  });

  it("is out where nobody is signed in, and a guest where the server lets guests talk", async () => {
    const api = new FakeApi().on("POST /api/auth/refresh", { json: null }).on("GET /status", { json: { state: "ok" } });
    const { session } = page(api);
    await session.begin();
    expect(session.store.getState().phase).toBe("out");

    api.on("GET /status", { json: { state: "ok", version: "0.1.0" } }).on("POST /api/auth/ticket", { json: { ticket: "abc" } });
    const second = page(api);
    await second.session.begin();
    expect(second.session.store.getState().phase).toBe("guest");
    expect(await second.session.ticket("/ws/duplex/1")).toEqual(["ticket.abc"]);
  });

  it("says that the server is away, and comes in once it is back", async () => {
    let away = true;
    const api = new FakeApi().on("POST /api/auth/refresh", () => {
      if (away) throw new TypeError("no route");
      return { json: grant() };
    });
    const { session } = page(api);
    await session.begin();
    expect(session.store.getState().phase).toBe("unreachable");
    away = false;
    await session.begin();
    expect(session.store.getState().phase).toBe("in");
  });
});

describe("a token", () => {
  it("is asked for once, however many wait for it", async () => {
    const api = new FakeApi().on("POST /api/auth/refresh", { json: grant() });
    const { session } = page(api);
    expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(["token", "token", "token"]);
    expect(count(api, "POST /api/auth/refresh")).toBe(1);
  });

  it("is renewed before its end", async () => {
    const api = new FakeApi().on("POST /api/auth/refresh", { json: grant() });
    const { session, pass } = page(api);
    await session.token();
    pass(540_000);
    await session.token();
    expect(count(api, "POST /api/auth/refresh")).toBe(1);
    pass(20_000);
    await session.token();
    expect(count(api, "POST /api/auth/refresh")).toBe(2);
  });

  it("that the server takes no more is renewed once, and the call repeated", async () => {
    let tokens = 0;
    const api = new FakeApi()
      .on("POST /api/auth/refresh", () => ({ json: { ...grant(), access_token: `t${++tokens}` } }))
      .on("GET /api/users", ({ headers }) => (headers.get("authorization") === "Bearer t2" ? { json: "people" } : { problem: { status: 401, code: "token_revoked" } }));
    const { client } = page(api);
    expect((await client.ask("GET", "/api/users")).data).toBe("people");
    expect(tokens).toBe(2);
  });

  it("that cannot be renewed signs the page out, and the call fails with the reason", async () => {
    let refused = false;
    const api = new FakeApi()
      .on("POST /api/auth/refresh", () => (refused ? REFUSED : { json: grant() }))
      .on("GET /status", { json: { state: "ok" } })
      .on("GET /api/users", { problem: { status: 401, code: "token_revoked" } });
    const { session, client } = page(api);
    await session.begin();
    refused = true;
    await expect(client.ask("GET", "/api/users")).rejects.toMatchObject({ code: "refresh_invalid" });
    expect(session.store.getState()).toEqual({ phase: "out", account: null });
  });
});

describe("signing out", () => {
  it("forgets who it was, also when the server does not answer", async () => {
    const api = new FakeApi().on("POST /api/auth/refresh", { json: grant() }).on("POST /api/auth/sign-out", () => {
      throw new TypeError("no route");
    });
    const { session } = page(api);
    await session.begin();
    await expect(session.signOut()).rejects.toBeInstanceOf(Problem);
    expect(session.store.getState()).toEqual({ phase: "out", account: null });
  });
});

describe("a problem", () => {
  it("carries code, request, fields and how long to wait", async () => {
    const api = new FakeApi()
      .on("POST /api/auth/refresh", { json: grant() })
      .on("PATCH /api/settings", { problem: { status: 429, code: "rate_limited", detail: "slow down", fields: { "turn.patience": "0.5 to 3" }, retryAfterS: 40 } });
    const { client } = page(api);
    await expect(client.ask("PATCH", "/api/settings", { body: {}, etag: '"4"' })).rejects.toMatchObject({
      status: 429,
      code: "rate_limited",
      detail: "slow down",
      requestId: "b7c1f2a09d3e",
      fields: { "turn.patience": "0.5 to 3" },
      retryAfterS: 40,
    });
  });

  it("is told of an answer that is none of ours", async () => {
    const problem = await Problem.of(new Response("<html>", { status: 502 }));
    expect(problem).toMatchObject({ status: 502, code: "http_502", requestId: null });
  });
});
