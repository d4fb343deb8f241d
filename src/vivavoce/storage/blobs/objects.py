"""What all stores share, over obstore: reading, listing, deleting, and errors as ours."""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from vivavoce.errors import Missing, StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.blobs.keys import checked, checked_folder, is_key
from vivavoce.storage.blobs.port import BlobEntry, BlobInfo

CALL_S: Final = 10.0
READ_BYTES: Final = 256 << 10
_FULL: Final = re.compile(r"\b507\b|XMinioStorageFull|QuotaExceeded|EntityTooLarge|No space left|os error (?:28|122)\b")


class ObjectBlobs:
    """The reading half of `Blobs`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        checked(key)
        if start < 0 or (stop is not None and stop < 0):
            raise StorageError("a range of bytes begins at 0")
        if stop is not None and stop <= start:
            return
        stream = await self._opened(key, start, stop)
        while stream is not None:
            with translated():
                async with asyncio.timeout(CALL_S):  # the store's time alone: the reader may take its own
                    chunk = await anext(stream, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def head(self, key: str) -> BlobInfo:
        with translated():
            async with asyncio.timeout(CALL_S):
                found = await obstore.head_async(self._store, checked(key))
        return BlobInfo(key, found["size"], "")

    async def delete(self, key: str) -> None:
        try:
            with translated():
                async with asyncio.timeout(CALL_S):
                    await obstore.delete_async(self._store, checked(key))
        except Missing:
            return

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        async for entry in self.entries(prefix):
            yield entry.key

    async def entries(self, prefix: str = "") -> AsyncIterator[BlobEntry]:
        pages = obstore.list(self._store, checked_folder(prefix) or None, chunk_size=500)
        while True:
            with translated():
                async with asyncio.timeout(CALL_S):
                    page = await anext(pages, None)
            if page is None:
                return
            for one in page:
                if is_key(one["path"]):  # and not what the store keeps for itself
                    yield BlobEntry(one["path"], one["size"], int(one["last_modified"].timestamp() * 1_000))

    async def _opened(self, key: str, start: int, stop: int | None) -> obstore.BytesStream | None:
        """The bytes; None where there are none in that range."""
        with translated():
            async with asyncio.timeout(CALL_S):
                try:
                    found = await obstore.get_async(self._store, key, options=_range(start, stop))
                except BaseError:
                    # Stores refuse a range that begins behind the end, each in its own words.
                    if (await obstore.head_async(self._store, key))["size"] > start:
                        raise
                    return None
                return found.stream(min_chunk_size=READ_BYTES)

    async def tidy(self, before: int) -> int:
        return 0


@contextmanager
def translated() -> Iterator[None]:
    """Errors of obstore as ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise Missing("there is no such blob") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("no room left for blobs") from error
        raise StorageUnavailable("the blobs cannot be reached") from error
    except (BaseError, ValueError) as error:
        if _FULL.search(str(error)):
            raise StorageFull("no room left for blobs") from error
        raise StorageUnavailable("the blobs cannot be reached") from error


def _range(start: int, stop: int | None) -> obstore.GetOptions:
    if stop is not None:
        return {"range": (start, stop)}
    return {"range": {"offset": start}} if start else {}
