"""The door: who is asking, and whether they may come in. One place for HTTP and for WebSocket upgrades.

In this order, cheapest and least telling first: is the path a plain one · does the Host name us, is the Origin ours ·
does it come through the proxy · is the address within its limits · who is it · may they · are they within theirs.
A bearer token is looked up among those verified in the last minute before anything is awaited; a ticket is taken last
of all, since it works once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from vivavoce.accounts.principal import Principal, guest
from vivavoce.channels.access import Access
from vivavoce.channels.problems import Problem
from vivavoce.channels.proxies import Proxies, is_local
from vivavoce.channels.rates import Rate, Rates
from vivavoce.errors import Refused, StorageUnavailable, Unauthorised
from vivavoce.wire.base import PROTOCOL

TOKEN_CHARACTERS: Final = 2_048
"""Of a bearer token; a longer one is not even looked at."""
LOOK_S: Final = 5.0
"""Longest wait for the answer to who somebody is; then the accounts are as good as away."""
_TICKET: Final = "ticket."

# ── what the door is told by others ───────────────────────────────────────────────────────────────


class Tokens(Protocol):
    """Bearer tokens (`accounts.authenticate.Authenticator`)."""

    def known(self, token: str) -> Principal | None:
        """Whose it is, if that was verified a moment ago."""
        ...

    async def authenticate(self, token: str) -> Principal:
        """Raises Unauthorised or StorageUnavailable."""
        ...


class Tickets(Protocol):
    """Single-use tickets of browsers (`accounts.tickets.Tickets`)."""

    async def take(self, ticket: str, path: str, origin: str) -> Principal:
        """Raises Unauthorised or StorageUnavailable."""
        ...


class Rule(Protocol):
    """How a route was declared (`api.routing.Declared`)."""

    @property
    def limit(self) -> Rate: ...

    @property
    def cached(self) -> tuple[str, ...]: ...

    def admit(self, principal: Principal | None) -> None:
        """Raises Unauthorised or Refused."""
        ...


class Rules(Protocol):
    """Which declaration answers a request (`api.routing.Table`)."""

    def find(self, method: str, path: str) -> Rule | None: ...


# ── what the door tells others ────────────────────────────────────────────────────────────────────


class Caller(NamedTuple):
    """Who asks, from where. `principal` is None for nobody in particular on a public route."""

    principal: Principal | None
    address: str
    agent: str = ""
    secure: bool = False

    @property
    def user(self) -> str:
        return self.principal.user if self.principal else ""

    @property
    def sign_in(self) -> str:
        return self.principal.sign_in if self.principal else ""


class Head:
    """The fields of a request's head that matter here, picked in one pass over all of them."""

    __slots__ = ("_fields",)

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """From what ASGI calls headers: names in lower case."""
        self._fields = fields = dict[bytes, list[str]]()
        for name, value in headers:
            if name in _KEPT:
                fields.setdefault(name, []).append(value.decode("latin-1"))

    def all(self, name: bytes) -> Sequence[str]:
        """Every field of that name, in their order."""
        return self._fields.get(name, ())

    @property
    def protocols(self) -> list[str]:
        """Subprotocols that are offered, in the client's order."""
        return [word.strip() for line in self.all(b"sec-websocket-protocol") for word in line.split(",")]

    @property
    def origin(self) -> str:
        """As the page says it; empty for a program."""
        origins = self.all(b"origin")
        return origins[0] if origins else ""

    @property
    def agent(self) -> str:
        agents = self.all(b"user-agent")
        return agents[0][:200] if agents else ""


_KEPT: Final = frozenset(
    {
        b"host",
        b"origin",
        b"authorization",
        b"sec-websocket-protocol",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"user-agent",
        b"if-none-match",
        b"access-control-request-method",
    }
)


class Place(NamedTuple):
    """Where a request came from, before it is known whose it is."""

    address: str
    secure: bool
    local: bool
    """From this machine, with nobody in between."""


@dataclass(frozen=True, slots=True)
class Ways:
    """From where one may come in at all."""

    access: Access = field(default_factory=Access)
    proxies: Proxies = field(default_factory=Proxies)
    behind_proxy: bool = False
    """A proxy ends TLS: whoever comes past it from another machine is refused."""
    guests: bool = False
    """People of this machine may talk without an account."""


class Door:
    """One per process; the guard asks it for HTTP, the gateway for upgrades."""

    def __init__(self, ways: Ways, tokens: Tokens, tickets: Tickets, rates: Rates) -> None:
        self.ways = ways
        self.rates = rates
        self._tokens = tokens
        self._tickets = tickets

    def arrived(self, head: Head, peer: str, scheme: str) -> Place:
        """Host, Origin and proxy. Raises Problem 403."""
        ways = self.ways
        if reason := ways.access.refusal(head.all(b"host"), head.all(b"origin")):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", reason)
        trusted = ways.proxies.trusts(peer)
        if ways.behind_proxy and not trusted and not is_local(peer):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this server is reached through its proxy only")
        forwarded = head.all(b"x-forwarded-for")
        if not trusted:
            # Behind a proxy that nobody told us about all the world would come from this machine.
            return Place(peer, scheme == "https", is_local(peer) and not forwarded)
        address = ways.proxies.client(peer, forwarded)
        secure = ways.proxies.scheme(peer, scheme, head.all(b"x-forwarded-proto")) == "https"
        return Place(address, secure, is_local(address))

    async def admit(self, rule: Rule, head: Head, place: Place) -> Caller:
        """Whoever sends this request, let in by its rule. Raises Unauthorised, Refused or StorageUnavailable."""
        await self.rates.from_address(rule.limit, place.address)
        # A secret is exchanged there for something better, and what comes as a bearer is not always one of ours.
        principal = None if rule.limit == "sign_in" else await self._bearer(head, place)
        rule.admit(principal)
        caller = Caller(principal, place.address, head.agent, place.secure)
        await self.rates.of_user(rule.limit, caller.user)
        return caller

    async def admit_upgrade(self, rule: Rule, head: Head, place: Place, path: str) -> Caller:
        """The same for a WebSocket, where a browser brings a ticket as a second subprotocol."""
        await self.rates.from_address(rule.limit, place.address)
        ticket = next((word[len(_TICKET) :] for word in head.protocols if word.startswith(_TICKET)), "")
        if ticket and not head.all(b"authorization"):
            if not head.origin or PROTOCOL not in head.protocols or len(ticket) > TOKEN_CHARACTERS:
                raise Unauthorised("a ticket comes from a page, after `vivavoce.v1`", code="ticket_invalid")
            principal: Principal | None = await _in_time(self._tickets.take(ticket, path, head.origin))
        else:
            principal = await self._bearer(head, place)
        rule.admit(principal)
        caller = Caller(principal, place.address, head.agent, place.secure)
        await self.rates.of_user(rule.limit, caller.user)
        return caller

    async def _bearer(self, head: Head, place: Place) -> Principal | None:
        """Whose token it is; a guest without one, where guests are let in; else nobody."""
        shown = head.all(b"authorization")
        if not shown:
            return guest() if self.ways.guests and place.local else None
        scheme, _, token = shown[0].partition(" ")
        token = token.strip()
        wrong = scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARACTERS or not token.isascii()
        if len(shown) > 1 or wrong:
            raise Unauthorised("send one token as `Authorization: Bearer …`", code="token_invalid")
        known = self._tokens.known(token)
        if known is not None:
            return known
        return await _in_time(self._tokens.authenticate(token))


async def _in_time(look: Awaitable[Principal]) -> Principal:
    """The accounts are away, for all we know, when they say nothing for so long."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await look
    except TimeoutError:
        raise StorageUnavailable("the accounts do not answer") from None


class NoAccounts:
    """Tokens and tickets where there are none: only guests come in."""

    def known(self, token: str) -> None:
        return None

    async def authenticate(self, token: str) -> Principal:
        raise Unauthorised("there are no accounts here", code="token_invalid")

    async def take(self, ticket: str, path: str, origin: str) -> Principal:
        raise Unauthorised("there are no accounts here", code="ticket_invalid")


@dataclass(frozen=True, slots=True)
class Undeclared:
    """The rule of what is no route of the API: files of the page, health, and what is nowhere."""

    limit: Rate = "page"
    cached: tuple[str, ...] = ()

    def admit(self, principal: Principal | None) -> None:
        """Anybody; what is secret there asks for itself."""


@dataclass(frozen=True, slots=True)
class Socket:
    """The rule of a WebSocket: `permission` of those who may open it, signed in or guests."""

    limit: Rate
    permission: Any = None
    guests: bool = False
    cached: tuple[str, ...] = ()

    def admit(self, principal: Principal | None) -> None:
        if principal is None:
            raise Unauthorised("bring a ticket, or a token as `Authorization: Bearer …`")
        if principal.via == "guest" and not self.guests:
            raise Refused("this is for people who have signed in")
        if self.permission is not None:
            principal.require(self.permission)


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────


def plain_path(raw: bytes) -> str:
    """The path of a request target, decoded once. Raises Problem 400 for one that could mean something else elsewhere.

    Matching and reading of files see the same text as this does: there is no second decoding anywhere.
    """
    encoded = raw.partition(b"?")[0]
    if b"%" in encoded:
        if b"%2f" in encoded.lower() or b"%5c" in encoded.lower():
            raise _no_path()
        encoded = unquote_to_bytes(encoded)
    try:
        path = encoded.decode()
    except UnicodeDecodeError:
        raise _no_path() from None
    check_path(path)
    return path


def check_path(path: str) -> None:
    """Raises Problem 400 for dots that climb, doubled or backward slashes, and control characters."""
    strange = not path.startswith("/") or "//" in path or "\\" in path or not path.isprintable()
    if strange or ("/." in path and any(part in (".", "..") for part in path.split("/"))):
        raise _no_path()


def _no_path() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "bad_request", "this path is not a plain one")
