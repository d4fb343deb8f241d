"""A small cache in this process before the one in Redis, for what is read many thousand times a second.

Only what is asked for with `once` is kept here, for a minute at most. Each invalidation and each key that is written
or dropped is told to the other processes over the bus; a value is older than Redis's by the way of that news (some
milliseconds). When news may have been missed everything is forgotten, and while the bus has been silent for five
seconds nothing is kept.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.bus.port import Bus, News
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.cache.port import Cache

CHANNEL: Final = "cache.changed"
LIFE_S: Final = 60.0
SILENT_S: Final = 5.0
ENTRIES: Final = 20_000
BYTES: Final = 32 << 20

_log = logging.getLogger(__name__)


class _Changed(msgspec.Struct, frozen=True, array_like=True):
    tags: list[str] = []
    keys: list[str] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Changed).decode


class NearCache:
    """`Cache` with a second, near one before it. Made by `open_near`, which subscribes it to the news."""

    def __init__(self, far: Cache, bus: Bus) -> None:
        self._far = far
        self._bus = bus
        self._near = MemoryCache(ENTRIES, BYTES)

    def peek(self, key: str) -> bytes | None:
        """What `once` keeps here, without waiting."""
        if self._bus.silent_s > SILENT_S:
            self._near.clear()
            return None
        return self._near.peek(key)

    async def get(self, key: str) -> bytes | None:
        value = self.peek(key)
        return await self._far.get(key) if value is None else value

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        await self._far.put(key, value, ttl_s, tags=tags)
        await self._tell(_Changed(keys=[key]))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        return await self._far.add(key, value, ttl_s)

    async def take(self, key: str) -> bytes | None:
        return await self._far.take(key)

    async def drop(self, *keys: str) -> None:
        try:
            await self._far.drop(*keys)
        finally:
            await self._tell(_Changed(keys=list(keys)))

    async def invalidate(self, *tags: str) -> None:
        # Far first: whoever forgets by the news must not find there what is no longer true.
        try:
            await self._far.invalidate(*tags)
        finally:
            await self._tell(_Changed(tags=list(tags)))

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        return await self._far.count(key, by, ttl_s)

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        value = self.peek(key)
        if value is not None:
            return value
        if self._bus.silent_s > SILENT_S:
            return await self._far.once(key, ttl_s, make, tags)
        return await self._near.once(key, min(ttl_s, LIFE_S), lambda: self._far.once(key, ttl_s, make, tags), tags)

    async def _tell(self, change: _Changed) -> None:
        self._near.forget(keys=change.keys, tags=change.tags)
        try:
            await self._bus.publish(CHANNEL, _encode(change))
        except StorageUnavailable:
            # The others see a silent bus, or find their subscription cut; both make them forget everything.
            _log.warning("other processes were not told of a change in the cache")

    def forget(self) -> None:
        """News may have been missed."""
        self._near.clear()

    def heard(self, news: News) -> None:
        """Another process has changed something (or this one has: that was done already, and does no harm)."""
        try:
            change = _decode(news.payload)
        except msgspec.DecodeError:
            self._near.clear()
            return
        self._near.forget(keys=change.keys, tags=change.tags)


@asynccontextmanager
async def open_near(far: Cache, bus: Bus) -> AsyncIterator[NearCache]:
    """A near cache that hears the news until it is left."""
    near = NearCache(far, bus)
    async with bus.subscribe(CHANNEL, near.heard, near.forget):
        yield near
