"""The port, and what it is without a key."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Protocol

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.sealing import envelope

Reader = Callable[[int, int | None], AsyncIterator[bytes]]
"""The stored bytes of a blob from an offset to before another one (None: to the end)."""


class Sealer(Protocol):
    """`scope` names the data key (`conversation:<id>`, `blob:<key>`; 160 characters at most), `place` where it stands
    (`turns/17/said`): an envelope opens only there, so nobody can swap two of them.

    Seal before a transaction is begun: a scope's first envelope writes its data key in a transaction of its own, and
    SQLite has one writer. Opening needs none.
    """

    @property
    def sealing(self) -> bool:
        """What is written from now on is sealed."""
        ...

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        """Raises StorageUnavailable where a data key is needed and the database is away."""
        ...

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        """Raises StorageError when it was changed or stands elsewhere, StorageUnavailable without its key."""
        ...

    def seal_blob(self, plain: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        """In chunks of 64 KiB that can be opened one by one."""
        ...

    def unseal_blob(self, stored: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        """The whole of it; StorageError, at the latest at its end, when something is missing."""
        ...

    def read_blob(self, read: Reader, scope: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes of the plain blob from `start` to before `stop`, of a blob that is sealed or not. Only the chunks that
        are needed are read.
        """
        ...


class Plain:
    """No key, no sealing. What begins like an envelope is marked, so that it does not pass for one later."""

    @property
    def sealing(self) -> bool:
        return False

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        return envelope.marked(plain)

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        if envelope.is_sealed(stored):
            raise StorageUnavailable("it is sealed, and there is no key (data.keys)")
        return envelope.unmarked(stored)

    async def seal_blob(self, plain: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        async for chunk in plain:
            yield chunk

    async def unseal_blob(self, stored: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        head = b""
        begun = False
        async for chunk in stored:
            if begun:
                yield chunk
                continue
            head += chunk
            if len(head) >= len(envelope.MAGIC):
                _refuse_sealed(head)
                begun = True
                yield head
        if head and not begun:
            yield head

    async def read_blob(
        self, read: Reader, scope: str, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        async for chunk in read(0, len(envelope.MAGIC)):
            _refuse_sealed(chunk)
        async for chunk in read(start, stop):
            yield chunk


def _refuse_sealed(head: bytes) -> None:
    if envelope.is_sealed(head):
        raise StorageUnavailable("the blob is sealed, and there is no key (data.keys)")
