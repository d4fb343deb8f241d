"""Which bus it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database


@asynccontextmanager
async def open_bus(redis_url: str | None, database: Database | None = None, clock: Clock = wall) -> AsyncIterator[Bus]:
    """The bus through that Redis, else one in this process.

    In process the streams live in `database`; without one they end with the process, which is for tests and tools.
    A Redis that is away does not hinder: `silent_s` tells, and it is subscribed to when it comes.
    """
    if redis_url is None:
        yield MemoryBus(database, clock)
        return
    # The client takes a tenth of a second to import, which only installations with Redis spend.
    from vivavoce.storage.bus.redis import open_redis_bus

    async with open_redis_bus(redis_url) as bus:
        yield bus
