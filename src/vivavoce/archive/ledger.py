"""The ledger: where rows wait while the database is away. A local file, each batch fsynced, in order.

Sealed as a whole, under a key that was made when the server started, since a new conversation's key could not be
stored now. What is in it has been promised: it is written once the database is back, by this process or the next.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from vivavoce.archive import frames
from vivavoce.archive.rows import Batch
from vivavoce.errors import StorageError, StorageFull
from vivavoce.storage.sealing import Sealer

MOST_BYTES: Final = 64 << 20
_PLACE: Final = "journal"
_SCOPE: Final = "journal"


class Ledger:
    """`waiting` says whether anything is in it."""

    def __init__(self, path: Path, sealer: Sealer, most: int = MOST_BYTES) -> None:
        self._path = path
        self._sealer = sealer
        self._most = most
        self._size = path.stat().st_size if path.exists() else 0
        self._count: int | None = None if self._size else 0

    @property
    def waiting(self) -> bool:
        return self._size > 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    @property
    def count(self) -> int | None:
        """Batches; None for what an earlier process left, before it was read."""
        return self._count

    async def prepare(self) -> None:
        """Have the key at hand before it is needed. Raises StorageUnavailable."""
        if self._sealer.sealing:
            await self._sealer.seal(b"", _SCOPE, _PLACE)

    async def add(self, batch: Batch) -> None:
        """Durable when this returns. Raises StorageFull at the bound, or when the disk is full."""
        payload = await self._sealer.seal(msgspec.msgpack.encode(batch), _SCOPE, _PLACE)
        data = frames.framed(payload)
        if self._size + len(data) > self._most:
            raise StorageFull("the rows that wait for the database have come to their limit")
        try:
            await asyncio.to_thread(frames.append, self._path, data, durable=True)
        except OSError as error:
            raise StorageFull(f"the rows that wait for the database cannot be kept: {error.strerror}") from error
        self._size += len(data)
        if self._count is not None:
            self._count += 1

    async def batches(self) -> list[Batch]:
        """Everything in it, in order. Raises StorageError where it cannot be opened."""
        if not self.waiting:
            return []
        try:
            payloads = await asyncio.to_thread(lambda: list(frames.read(self._path)))
        except OSError as error:
            raise StorageError(f"the rows that wait for the database cannot be read: {error.strerror}") from error
        batches = [await self._opened(payload) for payload in payloads]
        if self._count is None:
            self._count = len(batches)
        return batches

    async def clear(self) -> None:
        """All of it was written."""
        await asyncio.to_thread(self._path.unlink, missing_ok=True)
        self._size = self._count = 0

    async def _opened(self, payload: bytes) -> Batch:
        try:
            return msgspec.msgpack.decode(await self._sealer.unseal(payload, _SCOPE, _PLACE), type=Batch)
        except msgspec.DecodeError as error:
            raise StorageError("the rows that wait for the database are damaged") from error
