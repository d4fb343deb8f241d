"""People with tokens and tickets, and a door for them; the bus and the cache of one process in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from vivavoce.accounts.permissions import Role
from vivavoce.accounts.principal import Principal, scopes_of
from vivavoce.channels.access import Access
from vivavoce.channels.door import Door, Ways
from vivavoce.channels.proxies import Proxies
from vivavoce.channels.rates import RATES, Rates
from vivavoce.errors import StorageUnavailable, Unauthorised
from vivavoce.storage.bus.port import News
from vivavoce.storage.cache.memory import MemoryCache


def person(name: str, role: Role = "user", sign_in: str = "") -> Principal:
    return Principal(f"id-of-{name}", name, role, sign_in or f"sign-in-of-{name}", "session", scopes_of(role))


class People:
    """Tokens and tickets as a dictionary; `away` makes them ask in vain, `slow` makes them ask for ever."""

    def __init__(self, *people: Principal) -> None:
        self.tokens = {f"token-of-{one.name}": one for one in people}
        self.verified: set[str] = set()
        self.tickets: dict[str, tuple[str, str, Principal]] = {}
        self.asked = 0
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()

    def known(self, token: str) -> Principal | None:
        return self.tokens.get(token) if token in self.verified else None

    async def authenticate(self, token: str) -> Principal:
        self.asked += 1
        await self.slow.wait()
        if self.away:
            raise StorageUnavailable("the database is away")
        if token not in self.tokens:
            raise Unauthorised("no such token", code="token_invalid")
        self.verified.add(token)
        return self.tokens[token]

    async def take(self, ticket: str, path: str, origin: str) -> Principal:
        await self.slow.wait()
        held = self.tickets.pop(ticket, None)
        if held is None or held[:2] != (path, origin):
            raise Unauthorised("this ticket is not valid here", code="ticket_invalid")
        return held[2]


class Channels:
    """A bus whose subscribers can be told that they missed something."""

    silent_s = 0.0

    def __init__(self) -> None:
        self.takers: list[tuple[str, Callable[[News], None], Callable[[], None] | None]] = []

    async def publish(self, channel: str, payload: bytes) -> None:
        for wanted, take, _ in self.takers:
            if wanted == channel:
                take(News(channel, payload))

    async def tell(self, topic: str, identity: str, **fields: Any) -> None:
        """Live news, as every room publishes them."""
        news = {"topic": topic, "id": identity, "kind": "changed", "owner": "", "data": {}, **fields}
        await self.publish("live", json.dumps(news).encode())

    @asynccontextmanager
    async def subscribe(
        self, channel: str, take: Callable[[News], None], missed: Callable[[], None] | None = None
    ) -> AsyncIterator[None]:
        taker = (channel, take, missed)
        self.takers.append(taker)
        try:
            yield
        finally:
            self.takers.remove(taker)

    def cut(self) -> None:
        """The bus was away, and is back."""
        for _, _, missed in self.takers:
            if missed:
                missed()


class Entrance:
    """A door with its people."""

    def __init__(
        self,
        *people: Principal,
        guests: bool = False,
        origins: Iterable[str] = (),
        hosts: Iterable[str] = (),
        proxies: Iterable[str] = (),
        behind_proxy: bool = False,
        rates: Rates | None = None,
    ) -> None:
        self.people = People(*people)
        self.cache = MemoryCache()
        self.bus = Channels()
        ways = Ways(Access.allowing(hosts, origins), Proxies.of(proxies), behind_proxy, guests)
        self.door = Door(ways, self.people, self.people, rates or Rates(self.cache, RATES))
