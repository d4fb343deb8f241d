from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.people import Entrance, person
from vivavoce.accounts.principal import Principal
from vivavoce.channels.door import Undeclared
from vivavoce.channels.guard import Guard, page_policy
from vivavoce.channels.problems import problem
from vivavoce.errors import Unauthorised


class Declared(Undeclared):
    """A route for people who have signed in."""

    def admit(self, principal: Principal | None) -> None:
        if principal is None:
            raise Unauthorised("sign in")


class Routes:
    """`/api/secret` needs a sign-in, `/api/list` may be cached besides."""

    def find(self, method: str, path: str) -> Undeclared | None:
        if path == "/api/list":
            return Declared("read", ("things",))
        return Declared("read") if path == "/api/secret" else None


def client(app: ASGIApp, entrance: Entrance | None = None, **options: Any) -> httpx.AsyncClient:
    made = entrance or Entrance()
    guard = Guard(app, made.door, Routes(), made.cache, **options)
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://localhost")


async def answer_of(app: ASGIApp, **headers: str) -> httpx.Response:
    async with client(app) as asking:
        return await asking.get("/", headers=headers)


async def never(*_: object) -> None:
    pytest.fail("a refused request must not reach the application")


class Seen:
    """An application that remembers what it was asked."""

    def __init__(self, **headers: str) -> None:
        self.scopes: list[Scope] = []
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        body = {"asked": len(self.scopes), "what": "x" * 100}
        await JSONResponse(body, headers=self._headers)(scope, receive, send)


BEARER: Mapping[str, str] = {"Authorization": "Bearer token-of-uli"}


async def test_every_answer_carries_the_headers() -> None:
    for app in (JSONResponse({}), problem(HTTPStatus.NOT_FOUND, "not_found", "")):
        headers = (await answer_of(app)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["permissions-policy"] == (
            "microphone=(self), camera=(self), display-capture=(self), geolocation=(), usb=()"
        )
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_refusal_carries_them_too_and_asks_nobody_else() -> None:
    answer = await answer_of(never, host="evil.example")
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_a_page_sets_itself_stays() -> None:
    headers = {"Content-Security-Policy": page_policy("n"), "Cache-Control": "no-cache"}
    answer = await answer_of(Response(headers=headers))
    assert answer.headers["content-security-policy"] == page_policy("n")
    assert answer.headers["cache-control"] == "no-cache"


def test_the_page_may_load_only_from_here_and_style_itself_only_by_nonce() -> None:
    assert page_policy("abc") == (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'nonce-abc'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


# ── who asks ──────────────────────────────────────────────────────────────────────────────────────


async def test_behind_it_everybody_knows_who_asks_from_where_and_under_which_name() -> None:
    app, uli = Seen(), person("uli")
    async with client(app, Entrance(uli)) as asking:
        answer = await asking.get("/api/secret", headers=BEARER)
    (scope,) = app.scopes
    assert scope["state"]["principal"] == scope["state"]["caller"].principal == uli
    assert scope["state"]["request_id"] == answer.headers["x-request-id"]
    assert scope["client"] == ("127.0.0.1", 0)


async def test_nobody_and_strangers_get_401_before_the_application() -> None:
    async with client(never, Entrance(person("uli"))) as asking:
        for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic eDp5"}):
            answer = await asking.get("/api/secret", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_with_the_accounts_away_the_answer_is_503_and_when_to_come_back() -> None:
    entrance = Entrance(person("uli"))
    entrance.people.away = True
    async with client(never, entrance) as asking:
        answer = await asking.get("/api/secret", headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer.headers["retry-after"] == "2"
        entrance.people.away = False
        entrance.people.slow.clear()
        assert (await asking.get("/api/secret", headers=BEARER)).status_code == 503


async def test_each_request_has_a_name_of_ours() -> None:
    async with client(Seen()) as asking:
        names = {(await asking.get("/", headers={"X-Request-Id": "mine"})).headers["x-request-id"] for _ in range(3)}
    assert len(names) == 3
    assert "mine" not in names


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/api/%2e%2e/secret",
        "/api%2Fsecret",
        "/api/..%2fsecret",
        "/api/%5c..%5csecret",
        "/api//secret",
        "/api/secret%00",
        "/api/secret%0d%0aX:%20y",
        "/./api/secret",
    ],
)
async def test_encoded_paths_do_not_escape(path: str) -> None:
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    entrance = Entrance()
    await Guard(never, entrance.door, Routes(), entrance.cache)(scope, receive, send)
    assert sent[0]["status"] == 400


# ── other pages ───────────────────────────────────────────────────────────────────────────────────


async def test_pages_of_other_origins_are_let_in_only_when_they_are_listed() -> None:
    entrance = Entrance(origins=["https://app.example"])
    async with client(Seen(), entrance) as asking:
        listed = await asking.get("/", headers={"Origin": "https://app.example"})
        assert listed.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in listed.headers
        assert listed.headers["vary"] == "Origin"
        other = await asking.get("/", headers={"Origin": "https://evil.example"})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers


async def test_a_listed_page_may_ask_beforehand() -> None:
    ask = {"Origin": "https://app.example", "Access-Control-Request-Method": "DELETE"}
    async with client(never, Entrance(origins=["https://app.example"])) as asking:
        answer = await asking.options("/api/secret", headers=ask)
    assert answer.status_code == 204
    assert answer.headers["access-control-max-age"] == "600"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    async with client(never) as asking:
        assert (await asking.options("/api/secret", headers=ask)).status_code == 403
        own = {**ask, "Origin": "http://localhost"}
        assert (await asking.options("/api/secret", headers=own)).status_code == 403


async def test_browsers_insist_on_tls_only_where_a_known_authority_vouches() -> None:
    async with client(Seen(), hsts=True) as asking:
        assert (await asking.get("/")).headers["strict-transport-security"] == "max-age=31536000"
    async with client(Seen()) as asking:
        assert "strict-transport-security" not in (await asking.get("/")).headers


async def test_the_address_behind_a_trusted_proxy_is_the_clients() -> None:
    app = Seen()
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    async with client(app, Entrance(proxies=["127.0.0.1"])) as asking:
        await asking.get("/", headers=headers)
    async with client(app) as asking:
        await asking.get("/", headers=headers)
    through, claimed = app.scopes
    assert (through["client"][0], through["scheme"]) == ("203.0.113.7", "https")
    assert (claimed["client"][0], claimed["scheme"]) == ("127.0.0.1", "http")
