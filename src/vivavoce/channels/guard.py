"""Around every HTTP answer: the door first, then the headers that keep a page and its data to themselves."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivavoce.channels import request_id
from vivavoce.channels.cached import CachedReads
from vivavoce.channels.door import Door, Head, Place, Rule, Rules, Undeclared, check_path
from vivavoce.channels.problems import Problem, problem_of
from vivavoce.errors import VivavoceError
from vivavoce.storage.cache.port import Cache

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"microphone=(self), camera=(self), display-capture=(self), geolocation=(), usb=()"),
)
_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_REQUEST_ID: Final = request_id.HEADER.lower().encode()

_CORS_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"
_CORS_HEADERS: Final = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
_CORS_SHOWN: Final = b"ETag, Retry-After, X-Request-Id"
_CORS_S: Final = b"600"

Timed = Callable[[str, int, float], None]

_UNDECLARED: Final = Undeclared()


def page_policy(nonce: str) -> str:
    """The Content-Security-Policy of the console's page; `nonce` marks the styles it makes itself."""
    return (
        "default-src 'none'; script-src 'self'; worker-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Guard:
    """ASGI, outermost. Leaves `principal`, `caller` and `request_id` in the scope's state.

    The client's own address and scheme stand in the scope behind it, whatever proxy is in between.
    """

    def __init__(
        self, app: ASGIApp, door: Door, rules: Rules, cache: Cache, *, hsts: bool = False, timed: Timed | None = None
    ) -> None:
        """`hsts`: the certificate comes from a known authority, so browsers may insist on TLS for a year.

        `timed` hears of each answer: the class of its route (`none` when it was refused before), status, seconds.
        """
        self._app = app
        self._door = door
        self._rules = rules
        self._reads = CachedReads(app, cache)
        self._hsts = hsts
        self._timed = timed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        name = request_id.name_request()
        head = Head(scope["headers"])
        state = scope.setdefault("state", {})
        state["request_id"] = name
        state["principal"] = None
        dressed = _Dressed(send, self._extra(name, head))
        try:
            await self._answer(scope, receive, dressed, head)
        except Problem as refusal:
            await refusal.response()(scope, receive, dressed)
        except VivavoceError as error:
            await problem_of(error).response()(scope, receive, dressed)
        finally:
            if self._timed is not None and dressed.status:
                self._timed(state.get("limit", "none"), dressed.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, head: Head) -> None:
        peer = scope["client"][0] if scope.get("client") else ""
        place = self._door.arrived(head, peer, scope["scheme"])
        check_path(scope["path"])
        if b"%" in scope.get("raw_path", b""):
            _no_hidden_slash(scope["raw_path"])
        if scope["method"] == "OPTIONS" and head.origin and head.all(b"access-control-request-method"):
            await _preflight(send, allowed=self._listed(head))
            return
        rule = self._rules.find(scope["method"], scope["path"]) or _UNDECLARED
        await self._let_in(rule, place, head, scope, receive, send)

    async def _let_in(self, rule: Rule, place: Place, head: Head, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        state["limit"] = rule.limit
        caller = await self._door.admit(rule, head, place)
        state["principal"] = caller.principal
        state["caller"] = caller
        scope["client"] = (place.address, 0)
        scope["scheme"] = "https" if place.secure else "http"
        if rule.cached and scope["method"] in ("GET", "HEAD"):
            await self._reads.answer(scope, receive, send, rule.cached, head.all(b"if-none-match"))
            return
        leave = self._door.rates.enter(rule.limit, place.address, caller.user)
        try:
            await self._app(scope, receive, send)
        finally:
            leave()

    def _listed(self, head: Head) -> bool:
        """Whether another page asks, one that may."""
        origins = self._door.ways.access.origins
        return bool(origins) and head.origin.lower() in origins

    def _extra(self, name: str, head: Head) -> list[tuple[bytes, bytes]]:
        extra = [(_REQUEST_ID, name.encode())]
        if self._hsts:
            extra.append(_HSTS)
        if self._door.ways.access.origins:
            extra.append((b"vary", b"Origin"))
            if self._listed(head):
                extra.append((b"access-control-allow-origin", head.origin.lower().encode("latin-1")))
                extra.append((b"access-control-expose-headers", _CORS_SHOWN))
        return extra


class _Dressed:
    """`send`, with our headers on the first message of an answer."""

    __slots__ = ("_extra", "_send", "status")

    def __init__(self, send: Send, extra: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._extra = extra
        self.status = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message["headers"]
            message["headers"] = headers = [*own, *_ALWAYS, *self._extra]
            names = [name.lower() for name, _ in own]
            if _POLICY[0] not in names:
                headers.append(_POLICY)
            if _NO_STORE[0] not in names:
                headers.append(_NO_STORE)
        return self._send(message)


async def _preflight(send: Send, *, allowed: bool) -> None:
    """The answer to whether a listed page may send such a request. What it then sends is asked for its token anyway."""
    headers = [(b"vary", b"Origin")]
    if allowed:
        headers += [
            (b"access-control-allow-methods", _CORS_METHODS),
            (b"access-control-allow-headers", _CORS_HEADERS),
            (b"access-control-max-age", _CORS_S),
        ]
    status = HTTPStatus.NO_CONTENT if allowed else HTTPStatus.FORBIDDEN
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body"})


def _no_hidden_slash(raw: bytes) -> None:
    """A slash or backslash that was encoded became one only by decoding: other programs may see another path."""
    lowered = raw.lower()
    if b"%2f" in lowered or b"%5c" in lowered:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", "this path is not a plain one")
