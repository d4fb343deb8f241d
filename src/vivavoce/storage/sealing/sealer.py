"""`Sealer` with keys."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from vivavoce.errors import StorageError
from vivavoce.storage.sealing import envelope
from vivavoce.storage.sealing.envelope import Chunks, Cutter, Head
from vivavoce.storage.sealing.keys import DataKeys
from vivavoce.storage.sealing.port import Reader

ROW_BYTES: Final = 64 << 20
"""Longest text in one envelope."""


class EnvelopeSealer:
    """Seals with the first key of the ring, opens with any; what was stored plain is read as it is."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    @property
    def sealing(self) -> bool:
        return True

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        if len(plain) > ROW_BYTES:
            raise StorageError("too long for one envelope")
        key = await self._keys.to_seal(scope)
        return envelope.seal_row(key.cipher, key.head, plain, scope, place)

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        if not self._is_sealed(stored):
            return envelope.unmarked(stored)
        head = Head.parse(stored)
        return envelope.open_row(await self._keys.to_open(scope, head), head, stored, scope, place)

    async def seal_blob(self, plain: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        key = await self._keys.for_blob(scope)
        chunks = Chunks(key.cipher, key.head, scope, secrets.token_bytes(envelope.PREFIX))
        yield bytes(key.head) + chunks.prefix
        cutter = Cutter(envelope.CHUNK)
        async for data in plain:
            for piece in cutter.feed(data):
                yield chunks.seal(cutter.count - 1, piece, last=False)
        yield chunks.seal(cutter.count, cutter.end(), last=True)

    async def unseal_blob(self, stored: AsyncIterable[bytes], scope: str) -> AsyncIterator[bytes]:
        head = b""
        chunks: Chunks | None = None
        cutter = Cutter(envelope.STORED_CHUNK)
        plain = False
        async for data in stored:
            if plain:
                yield data
                continue
            if chunks is None:
                head += data
                if len(head) < envelope.BLOB_HEAD:
                    continue
                if not self._is_sealed(head):
                    plain = True
                    yield head
                    continue
                chunks = await self._chunks(head, scope)
                data = head[envelope.BLOB_HEAD :]
            for piece in cutter.feed(data):
                yield chunks.open(cutter.count - 1, piece, last=False)
        if chunks is not None:
            yield chunks.open(cutter.count, cutter.end(), last=True)
        elif not plain and head:
            if self._is_sealed(head):
                raise StorageError("the blob is cut short")
            yield head  # too short for an envelope

    async def read_blob(
        self, read: Reader, scope: str, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        head = b"".join([chunk async for chunk in read(0, envelope.BLOB_HEAD)])
        if not self._is_sealed(head):
            async for chunk in read(start, stop):
                yield chunk
            return
        if stop is not None and stop <= start:
            return
        chunks = await self._chunks(head, scope)
        first = start // envelope.CHUNK
        after = None if stop is None else -(-stop // envelope.CHUNK)
        cutter = Cutter(envelope.STORED_CHUNK)
        at = first * envelope.CHUNK
        async for data in read(_offset(first), None if after is None else _offset(after)):
            for piece in cutter.feed(data):
                opened = chunks.open(first + cutter.count - 1, piece, last=False)
                yield opened[max(0, start - at) :]
                at += len(opened)
        piece, number = cutter.end(), first + cutter.count
        if not piece and number > 0 and cutter.count == 0:
            return  # all of it lies beyond the end
        # Where the range has an end, its last chunk may be the blob's last or not; without one it must be.
        opened = _either(chunks, number, piece) if after is not None else chunks.open(number, piece, last=True)
        wanted = opened[max(0, start - at) : None if stop is None else stop - at]
        if wanted:
            yield wanted

    def _is_sealed(self, stored: bytes) -> bool:
        if envelope.is_sealed(stored):
            return True
        if self._keys.damaged(stored):
            raise StorageError("what is stored was changed")
        return False

    async def _chunks(self, head: bytes, scope: str) -> Chunks:
        """Of the blob that begins so."""
        if len(head) < envelope.BLOB_HEAD:
            raise StorageError("the blob is cut short")
        parsed = Head.parse(head)
        return Chunks(await self._keys.to_open(scope, parsed), parsed, scope, head[envelope.HEAD : envelope.BLOB_HEAD])


def _offset(chunk: int) -> int:
    """Where that chunk begins in the stored blob."""
    return envelope.BLOB_HEAD + chunk * envelope.STORED_CHUNK


def _either(chunks: Chunks, number: int, piece: bytes) -> bytes:
    try:
        return chunks.open(number, piece, last=False)
    except StorageError:
        return chunks.open(number, piece, last=True)
