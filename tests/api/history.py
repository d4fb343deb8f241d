"""The API's house with an archive in it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.house import Clock, House, Person, house
from vivavoce.accounts.audit import Audit
from vivavoce.accounts.live import Live
from vivavoce.api.conversations import ConversationsApi
from vivavoce.api.shared import SharedApi
from vivavoce.api.statistics import StatisticsApi
from vivavoce.archive.reading import Kept, Reading, Stores, open_reading
from vivavoce.storage.blobs import BlobIndex, Blobs, open_blobs
from vivavoce.storage.bus import open_bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import Plain, Sealer

KEPT = Kept(transcript_days=365, recording_days=30, recording_bytes=1 << 30)


@dataclass
class Archive:
    """`clock` is the archive's own."""

    house: House
    database: Database
    stored: Blobs
    blobs: BlobIndex
    reading: Reading
    clock: Clock

    async def person(self, name: str, role: str = "user") -> Person:
        return await self.house.person(name, role)  # type: ignore[arg-type]


@asynccontextmanager
async def archive(
    folder: Path, template: Path, sealer: Sealer | None = None, *, guests: bool = False
) -> AsyncIterator[Archive]:
    """`template` is a migrated database: the full text of SQLite comes with the migrations alone."""
    shutil.copy(template, folder / "house.db")
    clock = Clock()
    async with (
        Database.open(f"sqlite:///{folder / 'house.db'}") as database,
        open_bus(None, database) as bus,
        open_blobs(folder, "memory:") as stored,
    ):
        blobs = BlobIndex(database, stored, sealer, clock)
        stores = Stores(database=database, blobs=blobs, cache=MemoryCache(), bus=bus, sealer=sealer or Plain())
        reading = open_reading(stores, Audit(database, Live(bus), clock), lambda: KEPT, clock=clock)
        sections = (
            ConversationsApi(reading, lambda: 7),
            SharedApi(reading),
            StatisticsApi(reading.statistics, clock),
        )
        async with house(folder, *sections, guests=guests) as home:
            yield Archive(home, database, stored, blobs, reading, clock)
