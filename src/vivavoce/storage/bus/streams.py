"""The half of a `Bus` that carries work, over any ledger."""

from __future__ import annotations

from vivavoce.errors import StorageError
from vivavoce.storage.bus.ledger import Group, Ledger
from vivavoce.storage.bus.port import DEFAULT_RETRY, Delivery, Handler, Retry
from vivavoce.storage.bus.work import Worker

PAYLOAD_BYTES = 1 << 20
NAME_CHARACTERS = 64


class Streams:
    """See `Bus`. Payloads have 1 MiB at most; names and keys 64 characters."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def append(self, stream: str, payload: bytes, *, key: str = "", keep: int = 100_000) -> str:
        if len(payload) > PAYLOAD_BYTES or max(len(stream), len(key)) > NAME_CHARACTERS or keep < 1:
            raise StorageError("an entry, its key or the name of its stream is too long")
        return await self.ledger.append(stream, payload, key, keep)

    async def consume(
        self, stream: str, group: str, consumer: str, handle: Handler, retry: Retry = DEFAULT_RETRY
    ) -> None:
        await Worker(self.ledger, Group(stream, group), consumer, retry).run(handle)

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        return await self.ledger.read(stream, after, count)

    async def last_id(self, stream: str) -> str:
        return await self.ledger.last_id(stream)

    async def length(self, stream: str) -> int:
        return await self.ledger.length(stream)

    async def lost(self, stream: str) -> int:
        return await self.ledger.lost(stream)
