"""The index: a row for each blob there is or will be, so that none is forgotten and none is found too late.

The row comes before the bytes (`pending`), says when they are whole (`ready`), and is marked before they are removed
(`gone`). An upload holds its row for an hour and renews that while bytes come; the sweeper takes nothing that is held,
by whichever process. Where a sealer is given, the bytes are sealed on their way in and opened on their way out.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.errors import Conflict, Missing, StorageError
from vivavoce.storage.blobs.keys import checked
from vivavoce.storage.blobs.port import BlobEntry, BlobInfo, Blobs
from vivavoce.storage.clock import DAY, HOUR, MINUTE, Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import Blob, DataKey
from vivavoce.storage.sealing import Plain, Sealer

HELD: Final = HOUR
RENEWED: Final = 10 * MINUTE
GRACE: Final = HOUR
"""What is younger may be on its way."""
ENDLESS: Final = DAY
"""A pending row that does not say until when it is held is given up after so long."""
BATCH: Final = 200
SUSPICIOUS: Final = 20
"""More bytes without rows than this, and more than half of all: the database is rather the wrong one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep removed: expired or given up rows, blobs (with their rows), bytes without a row, rows without
    bytes, leavings of broken uploads.
    """

    expired: int = 0
    removed: int = 0
    rowless: int = 0
    byteless: int = 0
    leavings: int = 0


class BlobIndex:
    """See the head of the module."""

    def __init__(self, database: Database, blobs: Blobs, sealer: Sealer | None = None, clock: Clock = wall) -> None:
        self._database = database
        self._blobs = blobs
        self._sealer = Plain() if sealer is None else sealer
        self._clock = clock

    async def put(
        self,
        key: str,
        owner_id: str,
        chunks: AsyncIterable[bytes],
        content_type: str,
        expires_at: int | None = None,
    ) -> BlobInfo:
        """Store a new blob; its size is the plain one. Raises Conflict when the key is taken, or was given up while
        nothing came for an hour; and what `Blobs.put` and the sealer raise.
        """
        now = self._clock()
        row = Blob(
            key=checked(key),
            owner_id=owner_id,
            state="pending",
            content_type=content_type,
            created_at=now,
            expires_at=now + HELD,
        )
        async with self._database.writing() as session:
            session.add(row)
        incoming = _Incoming(chunks, self._clock, lambda: self._hold(key))
        try:
            stored = self._sealer.seal_blob(incoming, _scope(key))
            info = await self._blobs.put(key, stored, content_type)
            made = {"state": "ready", "size": incoming.size, "sha256": info.sha256, "expires_at": expires_at}
            if not await self._change(key, "pending", made):
                await self._blobs.delete(key)
                raise Conflict("the blob was given up meanwhile")
        except BaseException:
            with suppress(StorageError):  # else the row is given up when its hour is over
                await self._change(key, "pending", {"state": "gone"})
            raise
        return BlobInfo(key, incoming.size, info.sha256)

    async def row(self, key: str, owner_id: str) -> Blob:
        """Of somebody's blob that is ready. Raises Missing, also where it is another's."""
        async with self._database.reading() as session:
            mine = select(Blob).where(Blob.key == key, Blob.owner_id == owner_id, Blob.state == "ready")
            row = await session.scalar(mine)
        if row is None:
            raise Missing("there is no such blob")
        return row

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Its plain bytes. Whose it is was asked before (`row`)."""
        return self._sealer.read_blob(lambda at, end: self._blobs.get(key, at, end), _scope(key), start, stop)

    async def forget(self, session: AsyncSession, keys: Sequence[str]) -> None:
        """In the caller's transaction: these go. The sweeper removes the bytes."""
        await session.execute(update(Blob).where(Blob.key.in_(keys)).values(state="gone"))

    async def forget_owner(self, session: AsyncSession, owner_id: str) -> None:
        """In the caller's transaction: everything of that person goes."""
        await session.execute(update(Blob).where(Blob.owner_id == owner_id).values(state="gone"))

    async def _hold(self, key: str) -> None:
        """Somebody is still uploading it. Raises Conflict when it was given up."""
        if not await self._change(key, "pending", {"expires_at": self._clock() + HELD}):
            raise Conflict("the blob was given up meanwhile")

    async def sweep(self, now: int) -> Swept:
        """Remove what has expired, what was given up, and what has lost its other half. May be repeated and may run
        in several processes. Raises StorageUnavailable.
        """
        leavings = await self._blobs.tidy(now - GRACE)
        expired = await self._expire(now)
        removed = await self._remove()
        rowless, byteless = await self._compare(now)
        swept = Swept(expired, removed, rowless, byteless, leavings)
        if rowless or byteless:
            _log.warning("blobs: %d without a row removed, %d rows without bytes given up", rowless, byteless)
        return swept

    async def _expire(self, now: int) -> int:
        over = Blob.state.in_(("pending", "ready")) & (Blob.expires_at < now)
        endless = (Blob.state == "pending") & Blob.expires_at.is_(None) & (Blob.created_at < now - ENDLESS)
        async with self._database.writing() as session:
            return _count(await session.execute(update(Blob).where(over | endless).values(state="gone")))

    async def _remove(self) -> int:
        """Bytes first: a row that is left leads here again, bytes that are left lead nowhere. Their keys go, too."""
        removed = 0
        gone = select(Blob.key).where(Blob.state == "gone").order_by(Blob.key).limit(BATCH)
        while True:
            async with self._database.reading() as session:
                keys = list(await session.scalars(gone))
            if not keys:
                return removed
            for key in keys:
                await self._blobs.delete(key)
            async with self._database.writing() as session:
                await session.execute(delete(Blob).where(Blob.key.in_(keys), Blob.state == "gone"))
                await session.execute(delete(DataKey).where(DataKey.scope.in_(map(_scope, keys))))
            removed += len(keys)

    async def _compare(self, now: int) -> tuple[int, int]:
        """Bytes without a row, and rows without bytes, both older than an hour."""
        seen: set[int] = set()
        rowless: list[str] = []
        async for batch in _batches(self._blobs.entries()):
            seen.update(hash(entry.key) for entry in batch)
            old = {entry.key for entry in batch if entry.modified_at < now - GRACE}
            async with self._database.reading() as session:
                rowless += old.difference(await session.scalars(select(Blob.key).where(Blob.key.in_(old))))
        if len(rowless) > SUSPICIOUS and len(rowless) > len(seen) / 2:
            _log.error("%d of %d blobs have no row; is this their database? None was removed", len(rowless), len(seen))
            return 0, 0
        for key in rowless:
            await self._blobs.delete(key)
        return len(rowless), await self._byteless(seen, now)

    async def _byteless(self, seen: set[int], now: int) -> int:
        lost, after = 0, ""
        ready = select(Blob.key).where(Blob.state == "ready", Blob.created_at < now - GRACE).order_by(Blob.key)
        while True:
            async with self._database.reading() as session:
                keys = list(await session.scalars(ready.where(Blob.key > after).limit(BATCH)))
            if not keys:
                return lost
            after = keys[-1]
            for key in keys:
                if hash(key) not in seen and not await self._there(key):
                    _log.error("the bytes of blob %s are gone", key)
                    lost += await self._change(key, "ready", {"state": "gone"})

    async def _there(self, key: str) -> bool:
        """It may have come after it was looked for."""
        try:
            await self._blobs.head(key)
        except Missing:
            return False
        return True

    async def _change(self, key: str, state: str, values: dict[str, Any]) -> bool:
        """Whether it was in that state, and so was changed."""
        async with self._database.writing() as session:
            change = update(Blob).where(Blob.key == key, Blob.state == state).values(**values)
            return _count(await session.execute(change)) == 1


class _Incoming:
    """Counts what comes, and renews the hold on the row."""

    def __init__(self, chunks: AsyncIterable[bytes], clock: Clock, hold: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self._clock = clock
        self._hold = hold
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = self._clock()
        async for chunk in self._chunks:
            self.size += len(chunk)
            now = self._clock()
            if now - held >= RENEWED:
                held = now
                await self._hold()
            yield chunk


async def _batches(entries: AsyncIterator[BlobEntry]) -> AsyncIterator[list[BlobEntry]]:
    batch: list[BlobEntry] = []
    async for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _scope(key: str) -> str:
    return f"blob:{key}"


def _count(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
