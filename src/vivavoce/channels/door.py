"""The door: who is asking, and whether they may come in. One place for HTTP and for WebSocket upgrades.

In this order, cheapest and least telling first: is the path a plain one · does the Host name us, is the Origin ours ·
does it come through the proxy · is the address within its limits · who is it · may they · are they within theirs.
A bearer token is looked up among those verified in the last minute before anything is awaited; a ticket is taken last
of all, since it works once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol
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


@dataclass(frozen=True, slots=True)
class Caller:
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


@dataclass(slots=True)
class Head:
    """The fields of a request's head that matter here, in one pass over all of them."""

    hosts: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    """`Sec-WebSocket-Protocol`."""
    forwarded_for: list[str] = field(default_factory=list)
    forwarded_proto: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    if_none_match: list[str] = field(default_factory=list)
    preflight: list[str] = field(default_factory=list)
    """`Access-Control-Request-Method`."""

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Head:
        """From what ASGI calls headers: names in lower case."""
        head = cls()
        for name, value in headers:
            kept = _KEPT.get(name)
            if kept is not None:
                kept(head).append(value.decode("latin-1"))
        return head

    @property
    def protocols(self) -> list[str]:
        """Subprotocols that are offered, in the client's order."""
        return [word.strip() for line in self.offered for word in line.split(",")]

    @property
    def origin(self) -> str:
        return self.origins[0].lower() if self.origins else ""


_KEPT: Final[Mapping[bytes, Any]] = {
    b"host": lambda head: head.hosts,
    b"origin": lambda head: head.origins,
    b"authorization": lambda head: head.authorization,
    b"sec-websocket-protocol": lambda head: head.offered,
    b"x-forwarded-for": lambda head: head.forwarded_for,
    b"x-forwarded-proto": lambda head: head.forwarded_proto,
    b"user-agent": lambda head: head.agents,
    b"if-none-match": lambda head: head.if_none_match,
    b"access-control-request-method": lambda head: head.preflight,
}


@dataclass(frozen=True, slots=True)
class Place:
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
        if reason := ways.access.refusal(head.hosts, head.origins):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", reason)
        trusted = ways.proxies.trusts(peer)
        if ways.behind_proxy and not trusted and not is_local(peer):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this server is reached through its proxy only")
        address = ways.proxies.client(peer, head.forwarded_for)
        secure = ways.proxies.scheme(peer, "https" if scheme == "https" else "http", head.forwarded_proto) == "https"
        # Behind a proxy that nobody told us about all the world would come from this machine.
        local = is_local(address) and (trusted or not head.forwarded_for)
        return Place(address, secure, local)

    async def admit(self, rule: Rule, head: Head, place: Place) -> Caller:
        """Whoever sends this request, let in by its rule. Raises Unauthorised, Refused or StorageUnavailable."""
        await self.rates.from_address(rule.limit, place.address)
        # A secret is exchanged there for something better, and what comes as a bearer is not always one of ours.
        principal = None if rule.limit == "sign_in" else await self._bearer(head, place)
        rule.admit(principal)
        caller = _caller(principal, head, place)
        await self.rates.of_user(rule.limit, caller.user)
        return caller

    async def admit_upgrade(self, rule: Rule, head: Head, place: Place, path: str) -> Caller:
        """The same for a WebSocket, where a browser brings a ticket as a second subprotocol."""
        await self.rates.from_address(rule.limit, place.address)
        ticket = next((word[len(_TICKET) :] for word in head.protocols if word.startswith(_TICKET)), "")
        if ticket and not head.authorization:
            if not head.origins or PROTOCOL not in head.protocols or len(ticket) > TOKEN_CHARACTERS:
                raise Unauthorised("a ticket comes from a page, after `vivavoce.v1`", code="ticket_invalid")
            principal: Principal | None = await _in_time(self._tickets.take(ticket, path, head.origins[0]))
        else:
            principal = await self._bearer(head, place)
        rule.admit(principal)
        caller = _caller(principal, head, place)
        await self.rates.of_user(rule.limit, caller.user)
        return caller

    async def _bearer(self, head: Head, place: Place) -> Principal | None:
        """Whose token it is; a guest without one, where guests are let in; else nobody."""
        if not head.authorization:
            return guest() if self.ways.guests and place.local else None
        scheme, _, token = head.authorization[0].partition(" ")
        token = token.strip()
        wrong = scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARACTERS or not token.isascii()
        if len(head.authorization) > 1 or wrong:
            raise Unauthorised("send one token as `Authorization: Bearer …`", code="token_invalid")
        known = self._tokens.known(token)
        if known is not None:
            return known
        return await _in_time(self._tokens.authenticate(token))


def _caller(principal: Principal | None, head: Head, place: Place) -> Caller:
    return Caller(principal, place.address, head.agents[0][:200] if head.agents else "", place.secure)


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
