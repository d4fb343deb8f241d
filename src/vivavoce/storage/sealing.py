"""Sealing at rest: what is written to database and blobs passes through a `Sealer`.

Without a key nothing is sealed (`Plain`); with one, text and blobs become envelopes that say by which key. Reading
takes both, so a store may be sealed from some day on.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol


class Sealer(Protocol):
    """`scope` names the data key (`conversation:<id>`, `blob:<key>`), `place` where it stands (`turns/17/said`):
    an envelope opens only there, so nobody can swap two of them.
    """

    @property
    def sealing(self) -> bool:
        """What is written from now on is sealed."""
        ...

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes: ...

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        """Raises StorageError when it was changed or stands elsewhere, StorageUnavailable without its key."""
        ...

    def seal_blob(self, plain: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        """In chunks of 64 KiB that can be opened one by one."""
        ...

    def unseal_blob(self, stored: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]: ...


class Plain:
    """No key, no sealing."""

    @property
    def sealing(self) -> bool:
        return False

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        return plain

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        return stored

    async def seal_blob(self, plain: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        async for chunk in plain:
            yield chunk

    async def unseal_blob(self, stored: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        async for chunk in stored:
            yield chunk
