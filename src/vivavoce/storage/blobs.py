"""Blobs: recordings, voices, exports, in a folder, in memory or in S3."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """`sha256` is of the stored bytes, in hex."""

    key: str
    size: int
    sha256: str


class Blobs(Protocol):
    """Keys are made by us: `kind/<id>` of letters, digits, `-_/.`, no `..`. All methods raise StorageUnavailable
    when the store is away, StorageFull when it is full, Missing for a key that is not there.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        """Whole or not at all."""
        ...

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` to before `stop`."""
        ...

    async def head(self, key: str) -> BlobInfo: ...

    async def delete(self, key: str) -> None:
        """Also when it is gone already."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]: ...
