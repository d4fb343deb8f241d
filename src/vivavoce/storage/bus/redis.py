"""The bus through Redis, for several processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vivavoce import aio
from vivavoce.storage.bus.redis_news import RedisNews
from vivavoce.storage.bus.redis_streams import RedisStreams
from vivavoce.storage.bus.streams import Streams
from vivavoce.storage.redis_link import RedisLink


class RedisBus(RedisNews, Streams):
    """`Bus` through Redis. Made by `open_redis_bus`, which keeps its subscriptions."""

    def __init__(self, link: RedisLink) -> None:
        RedisNews.__init__(self, link)
        Streams.__init__(self, RedisStreams(link, self))


@asynccontextmanager
async def open_redis_bus(url: str) -> AsyncIterator[RedisBus]:
    """A bus that looks after its connection until it is left."""
    async with RedisLink.open(url) as link:
        bus = RedisBus(link)
        try:
            async with asyncio.TaskGroup() as tasks:
                keeper = aio.spawn(tasks, bus.run(), "bus subscriptions")
                try:
                    yield bus
                finally:
                    keeper.cancel()
        except BaseExceptionGroup as group:
            error, *others = group.exceptions
            if others:
                raise
            raise error from error.__cause__  # what was raised inside, as if there were no group
