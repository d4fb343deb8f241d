"""The reading side of the archive over a database of a test, with everything below it that is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from archive.people import NOON
from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import Audit
from vivavoce.accounts.live import Live
from vivavoce.accounts.permissions import Role
from vivavoce.accounts.principal import Principal, scopes_of
from vivavoce.archive.reading import Kept, Reading, Stores, open_reading
from vivavoce.storage.blobs import BlobIndex, Blobs, open_blobs
from vivavoce.storage.bus import Bus, open_bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.clock import DAY
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import Plain, Sealer


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON + DAY

    def __call__(self) -> int:
        return self.now


class FailingAudit(Audit):
    """Cannot write while `broken`."""

    broken = False

    async def record(self, session: AsyncSession, *told: Any, **detail: Any) -> int:
        if self.broken:
            raise RuntimeError("the audit cannot be written")
        return await super().record(session, *told, **detail)


@dataclass
class Library:
    database: Database
    stored: Blobs
    blobs: BlobIndex
    bus: Bus
    audit: FailingAudit
    clock: Clock
    kept: Kept
    reading: Reading

    def actor(self, user: str, role: Role = "user") -> Actor:
        return Actor(Principal(user, "somebody", role, "", "session", scopes_of(role)))


@asynccontextmanager
async def library(
    database: Database, sealer: Sealer | None = None, *, index_plaintext: bool = False
) -> AsyncIterator[Library]:
    clock = Clock()
    async with open_bus(None, database) as bus, open_blobs(Path(), "memory:") as stored:
        seals = sealer or Plain()
        blobs = BlobIndex(database, stored, seals, clock)
        audit = FailingAudit(database, Live(bus), clock)
        stores = Stores(database=database, blobs=blobs, cache=MemoryCache(), bus=bus, sealer=seals)
        made: list[Library] = []
        reading = open_reading(
            stores, audit, lambda: made[0].kept, index_plaintext=index_plaintext, process="one", clock=clock
        )
        made.append(Library(database, stored, blobs, bus, audit, clock, Kept(365, 30, 1 << 30), reading))
        yield made[0]
