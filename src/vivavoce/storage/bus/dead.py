"""What lies in the stream `{stream}.dead`: entries that were tried often enough."""

from __future__ import annotations

import msgspec

from vivavoce.errors import StorageError
from vivavoce.storage.bus.port import Delivery

KEEP = 10_000


def stream_of(stream: str) -> str:
    return f"{stream}.dead"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of such an entry. `reason` is the kind of the last error, never its words: those may be people's."""

    id: str
    group: str
    attempts: int
    reason: str
    key: str
    payload: bytes

    def __bytes__(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def parse(cls, payload: bytes) -> DeadLetter:
        """Raises StorageError when it is none."""
        try:
            return msgspec.json.decode(payload, type=cls)
        except msgspec.DecodeError as error:
            raise StorageError("that is no dead letter") from error

    @classmethod
    def of(cls, entry: Delivery, group: str, attempts: int, reason: str) -> DeadLetter:
        return cls(id=entry.id, group=group, attempts=attempts, reason=reason, key=entry.key, payload=entry.payload)
