"""The data keys: made, remembered, looked up.

Every envelope carries its data key, as it was wrapped first; so opening needs the database only when the key of keys
of that day has gone. The table `data_keys` holds each data key too, as it is wrapped now: that is what a rotation
rewraps. A data key that was rewrapped seals nothing new.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, update

from vivavoce import aio
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.cache.flights import Flights
from vivavoce.storage.clock import Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import DataKey
from vivavoce.storage.sealing import envelope
from vivavoce.storage.sealing.envelope import Head
from vivavoce.storage.sealing.ring import KeyRing

MOST_SEALS: Final = 1 << 20
"""Rows that one data key seals with random nonces."""
AHEAD: Final = 4_096
"""So many seals a process takes ahead, and so many more on credit while the database is away."""
AWAY_S: Final = 2.0
"""After the database did not answer, nobody waits for it again so soon."""
REMEMBERED: Final = 10_000
SCOPE_CHARACTERS: Final = 160

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Sealing:
    """A data key that seals, and how often it still may."""

    head: Head
    cipher: AESGCM
    left: int


class DataKeys(Protocol):
    """Where a sealer has its data keys from."""

    async def to_seal(self, scope: str) -> Sealing:
        """The data key of that scope, with a seal to spend. Raises StorageUnavailable when there is none at hand and
        the database is away.
        """
        ...

    async def for_blob(self, scope: str) -> Sealing:
        """A data key that nothing else uses. Raises StorageUnavailable."""
        ...

    async def to_open(self, scope: str, head: Head) -> AESGCM:
        """The data key of an envelope. Raises StorageError, StorageUnavailable where it is not to be had."""
        ...

    def damaged(self, stored: bytes) -> bool:
        """It names one of our keys where an envelope does, but does not begin like one: that is no plain text."""
        ...


class Lately(OrderedDict[K, V], Generic[K, V]):
    """Remembers what was used lately."""

    def used(self, key: K) -> V | None:
        value = self.get(key)
        if value is not None:
            self.move_to_end(key)
        return value

    def remember(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class StoredKeys:
    """`DataKeys` of a database, under a ring."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._clock = clock
        self._sealing: Lately[str, Sealing] = Lately()
        self._opening: Lately[tuple[str, bytes], AESGCM] = Lately()
        self._drawing = Flights[Sealing]()
        self._away_until = 0.0

    async def to_seal(self, scope: str) -> Sealing:
        known = self._sealing.used(scope)
        if known is None or known.left <= 0:
            known = await self._drawn(scope, known)
        known.left -= 1
        return known

    async def for_blob(self, scope: str) -> Sealing:
        return await self._made(scope, MOST_SEALS)

    async def to_open(self, scope: str, head: Head) -> AESGCM:
        known = self._opening.used((scope, bytes(head)))
        if known is None:
            kek = self._ring.get(head.kek.hex())
            if kek is None:
                known = await self._rewrapped(scope, head)
            else:
                known = AESGCM(envelope.unwrap(kek.cipher, head, scope))
            self._opening.remember((scope, bytes(head)), known)
        return known

    def damaged(self, stored: bytes) -> bool:
        named = stored[len(envelope.MAGIC) : len(envelope.MAGIC) + envelope.KEK_ID]
        return len(stored) >= envelope.HEAD and self._ring.knows(named.hex())

    async def _drawn(self, scope: str, known: Sealing | None) -> Sealing:
        """More seals. While the database is away, on credit, where there is a key at all."""
        credit = known is not None and known.left > -AHEAD
        if known is not None and credit and aio.now() < self._away_until:
            return known
        try:
            drawn = await self._drawing.share(scope, lambda: self._draw(scope))
        except StorageUnavailable:
            self._away_until = aio.now() + AWAY_S
            if known is None or not credit:
                raise
            return known
        self._sealing.remember(scope, drawn)
        return drawn

    async def _draw(self, scope: str) -> Sealing:
        """From the table, or new. Two processes that begin at once make two, and both are good."""
        return await self._more(scope) or await self._made(scope, AHEAD)

    async def _more(self, scope: str) -> Sealing | None:
        """Seals of a data key that there is already, if it has enough left."""
        newest = select(DataKey).where(DataKey.scope == scope).order_by(DataKey.created_at.desc(), DataKey.id).limit(1)
        async with self._database.writing() as session:
            row = await session.scalar(newest)
            kek = None if row is None else self._ring.get(row.kek)
            if row is None or kek is None or row.seals > MOST_SEALS - 4 * AHEAD:
                return None
            head = Head(kek.id_bytes, row.wrapped)
            cipher = AESGCM(envelope.unwrap(kek.cipher, head, scope))
            taken = update(DataKey).where(DataKey.id == row.id).values(seals=DataKey.seals + AHEAD)
            await session.execute(taken)
        return Sealing(head, cipher, AHEAD)

    async def _made(self, scope: str, seals: int) -> Sealing:
        if len(scope) > SCOPE_CHARACTERS:
            raise StorageError("the scope of a data key is too long")
        self._ring.fresh()
        kek = self._ring.first
        dek = secrets.token_bytes(envelope.DEK)
        head = envelope.wrap(kek.cipher, kek.id_bytes, dek, scope)
        row = DataKey(
            id=name_of(head), scope=scope, kek=kek.id, wrapped=head.wrapped, seals=seals, created_at=self._clock()
        )
        async with self._database.writing() as session:
            session.add(row)
        return Sealing(head, AESGCM(dek), seals)

    async def _rewrapped(self, scope: str, head: Head) -> AESGCM:
        """The data key whose first wrapping that head is, as it is wrapped now."""
        async with self._database.reading() as session:
            row = await session.get(DataKey, name_of(head))
        kek = None if row is None else self._ring.get(row.kek)
        if row is None or kek is None:
            raise StorageUnavailable(f"it is sealed with the key {head.kek.hex()}, which is not here (data.keys)")
        return AESGCM(envelope.unwrap(kek.cipher, Head(kek.id_bytes, row.wrapped), scope))


def name_of(head: Head) -> str:
    """The id of a data key: a digest of its first wrapping, which is the head of all its envelopes."""
    return hashlib.sha256(bytes(head)).hexdigest()[:32]
