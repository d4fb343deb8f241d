"""How many connections there are, of whom: bounds for the process, for each address, and for strangers.

A stranger is a connection over which nobody has shown yet who they are. When there are too many of them the oldest
one that waits between two requests goes, so that a crowd which only holds connections open keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from vivavoce.channels.limits import CensusLimits
from vivavoce.channels.proxies import Proxies, is_local, neighbourhood
from vivavoce.errors import Refused

_LOOKED_AT: Final = 32
"""Oldest strangers that are looked at for one that idles."""


class Guest(Protocol):
    """A connection of HTTP."""

    @property
    def idle(self) -> bool:
        """No request of it is being read or answered."""
        ...

    def let_go(self) -> None:
        """Close it, now or with its next answer."""
        ...


class Census:
    """All connections of this process."""

    def __init__(self, limits: CensusLimits, proxies: Proxies) -> None:
        self._limits = limits
        self._proxies = proxies
        self._strangers: dict[Guest, None] = {}
        """In the order in which they came."""
        self._by_address: dict[str, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def strangers(self) -> int:
        return len(self._strangers)

    def enter(self, connection: Guest, peer: str) -> Callable[[], None]:
        """One more connection; call the result once when it is gone, whatever it has become. Raises Refused."""
        limits = self._limits
        if self._count >= limits.connections:
            raise Refused("too many connections", code="overloaded", retry_after_s=5)
        address = "" if is_local(peer) or self._proxies.trusts(peer) else neighbourhood(peer)
        if address and self._by_address.get(address, 0) >= limits.per_address:
            raise Refused("too many connections from this address", code="overloaded", retry_after_s=5)
        if len(self._strangers) >= limits.strangers:
            self._make_room()
        self._strangers[connection] = None
        self._count += 1
        if address:
            self._by_address[address] = self._by_address.get(address, 0) + 1

        def leave() -> None:
            self._count -= 1
            self._strangers.pop(connection, None)
            if address:
                self._by_address[address] -= 1
                if not self._by_address[address]:
                    del self._by_address[address]

        return leave

    def introduced(self, connection: Guest) -> None:
        """Somebody has shown over it who they are."""
        self._strangers.pop(connection, None)

    def _make_room(self) -> None:
        for stranger in islice(self._strangers, _LOOKED_AT):
            if stranger.idle:
                del self._strangers[stranger]
                stranger.let_go()
                return
        raise Refused("too many connections of people who have not signed in", code="overloaded", retry_after_s=5)
