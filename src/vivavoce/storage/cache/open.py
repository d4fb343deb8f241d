"""Which cache it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.cache.port import Cache


@asynccontextmanager
async def open_cache(redis_url: str | None) -> AsyncIterator[Cache]:
    """The cache in that Redis, else one in this process. Raises ConfigError for an address that is none."""
    if redis_url is None:
        yield MemoryCache()
        return
    # The client takes a tenth of a second to import, which only installations with Redis spend.
    from vivavoce.storage.cache.redis import RedisCache
    from vivavoce.storage.redis_link import RedisLink

    async with RedisLink.open(redis_url) as link:
        yield RedisCache(link)
