"""Answers that are the same for everybody with the same permissions: given at the door, before the API is entered.

A route that is declared `cached` names its tags; whoever changes something invalidates the tag, which reaches every
process. An answer is kept as `etag, media type, body` by the caller's view (role and scopes) and the whole address,
so nobody is shown what their permissions do not show. Only whole 200 answers of moderate size are kept; what is not
kept is everybody's own to ask for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivavoce.accounts.principal import Principal
from vivavoce.storage.cache.port import Cache

TTL_S: Final = 60.0
"""For the case that an invalidation got lost with the process that should have made it."""
LARGEST: Final = 512 << 10
_ADDRESS: Final = 160
"""Characters of path and query; a longer one is not worth a place in the cache, nor fits its keys."""


class _Unkept(Exception):
    """The application's own answer is no answer for others."""


class Whole:
    """An ASGI `send` that keeps an answer instead of sending it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._bytes = 0

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self._bytes += len(message.get("body", b""))

    @property
    def entry(self) -> bytes | None:
        """As it is kept, or None for what is not."""
        start, *rest = self.messages
        headers = {name.lower(): value for name, value in start["headers"]}
        media = headers.get(b"content-type", b"")
        own = headers.keys() - {b"content-type", b"content-length", b"etag"}
        if start["status"] != 200 or own or not media or self._bytes > LARGEST:
            return None
        body = b"".join(message.get("body", b"") for message in rest)
        etag = headers.get(b"etag") or b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
        return b"\n".join((etag, media, body))

    async def pass_on(self, send: Send) -> None:
        for message in self.messages:
            await send(message)


class CachedReads:
    """`answer` in front of `app`."""

    def __init__(self, app: ASGIApp, cache: Cache) -> None:
        self._app = app
        self._cache = cache

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, tags: tuple[str, ...], if_none_match: Sequence[str]
    ) -> None:
        """From the cache, or from the application and then into it; without the cache from the application."""
        principal = scope["state"]["principal"]
        address = scope["path"] + "?" + scope["query_string"].decode("latin-1")
        if len(address) > _ADDRESS:
            await self._app(scope, receive, send)
            return
        key = f"read/{view_of(principal)}{address}"
        mine: list[Whole] = []
        try:
            entry = await self._cache.once(key, TTL_S, self._make(scope, receive, mine), tags)
        except _Unkept:
            # Whoever made it has the application's own answer; the others, who waited for it, ask for theirs.
            await (mine[0].pass_on(send) if mine else self._app(scope, receive, send))
            return
        await _send(entry, if_none_match, send, body=scope["method"] != "HEAD")

    def _make(self, scope: Scope, receive: Receive, mine: list[Whole]) -> Callable[[], Any]:
        async def make() -> bytes:
            whole = Whole()
            # A GET in any case: what is kept has its body.
            await self._app({**scope, "method": "GET"}, receive, whole)
            entry = whole.entry
            if entry is None:
                mine.append(whole)
                raise _Unkept
            return entry

        return make


async def _send(entry: bytes, if_none_match: Sequence[str], send: Send, *, body: bool) -> None:
    etag, media, content = entry.split(b"\n", 2)
    if if_none_match and unchanged(if_none_match, etag.decode("latin-1")):
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", etag)]})
        await send({"type": "http.response.body"})
        return
    length = str(len(content)).encode()
    headers = [(b"content-type", media), (b"content-length", length), (b"etag", etag)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content if body else b""})


def unchanged(given: Sequence[str], etag: str) -> bool:
    """Whether the lines of `If-None-Match` name this tag: weak comparison (RFC 9110 §13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for line in given for tag in line.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def view_of(principal: Principal | None) -> str:
    """What may be shown to this caller, in a few characters."""
    return _view(principal.scopes) if principal else "-"


@lru_cache(maxsize=1_024)
def _view(scopes: frozenset[str]) -> str:
    return hashlib.blake2b("\0".join(sorted(scopes)).encode(), digest_size=9).hexdigest()
