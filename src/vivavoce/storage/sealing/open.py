"""Which sealer it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.sealing.keys import StoredKeys
from vivavoce.storage.sealing.port import Plain, Sealer
from vivavoce.storage.sealing.ring import KeyRing
from vivavoce.storage.sealing.rotation import check
from vivavoce.storage.sealing.sealer import EnvelopeSealer


@asynccontextmanager
async def open_sealer(database: Database, ring: KeyRing | None, clock: Clock = wall) -> AsyncIterator[Sealer]:
    """The sealer with those keys (`key_ring`), or the one that seals nothing. Raises ConfigError, with its id, when
    something is sealed with a key that is not here.
    """
    await check(database, ring)
    yield Plain() if ring is None else EnvelopeSealer(StoredKeys(database, ring, clock))
