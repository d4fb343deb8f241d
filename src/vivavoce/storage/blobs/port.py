"""The port."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """`sha256` is of the stored bytes, in hex; empty where only the index knows it."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """What a listing tells. `modified_at` in ms since 1970, of the store's clock."""

    key: str
    size: int
    modified_at: int


class Blobs(Protocol):
    """Keys are made by us: `kind/<id>` of letters, digits, `-_/.`, no part of which begins with a dot; others raise
    StorageError. All methods raise StorageUnavailable when the store is away (an S3 that does not answer within 10 s),
    StorageFull when it is full, Missing for a key that is not there.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        """Whole or not at all, also when `chunks` raises or the caller is cancelled; replaces what was there. When
        this returns it is durable.
        """
        ...

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` to before `stop`, as far as there are any."""
        ...

    async def head(self, key: str) -> BlobInfo:
        """Its size; the checksum is the index's to know."""
        ...

    async def delete(self, key: str) -> None:
        """Also when it is gone already."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """All keys below that folder (`recordings`), in any order."""
        ...

    def entries(self, prefix: str = "") -> AsyncIterator[BlobEntry]:
        """The same, with size and age."""
        ...

    async def tidy(self, before: int) -> int:
        """Remove what uploads left behind that were broken off and last written before that time; how much it was.

        S3 shows unfinished uploads to nobody: a rule of the bucket (AbortIncompleteMultipartUpload) removes them.
        """
        ...
