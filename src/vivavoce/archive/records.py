"""What a recording is spooled as: records of sound with their places, in the order in which they became known.

    kind u8 · position u64 · rate u32 · count u32 · 16-bit samples

`position` is in samples of the sample clock. A later record has the last word on its place: `CUT` takes back sound of
the reply that was sent and never heard. Positions go back by seconds, never by more than `BACK_S`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vivavoce.archive.clock import RATE
from vivavoce.errors import StorageError

LEFT: Final = 1
"""The user."""
RIGHT: Final = 2
"""The reply, at its own rate."""
CUT: Final = 3
"""`count` samples of the sample clock in which no reply was heard; no sound follows."""

BACK_S: Final = 120
"""A lost line is waited for 60 s, and its client brings up to 30 s with it."""

_HEAD: Final = struct.Struct("<BQII")
_RATES: Final = (8_000, 48_000)


@dataclass(frozen=True, slots=True)
class Record:
    """`count` samples at `rate` Hz; `pcm` is empty for a CUT."""

    kind: int
    position: int
    rate: int
    count: int
    pcm: bytes = b""

    def __bytes__(self) -> bytes:
        return _HEAD.pack(self.kind, self.position, self.rate, self.count) + self.pcm


def sound(kind: int, position: int, rate: int, pcm: bytes) -> bytes:
    """A LEFT or RIGHT record."""
    return _HEAD.pack(kind, position, rate, len(pcm) // 2) + pcm


def cut(position: int, stop: int) -> bytes:
    """No reply was heard from `position` to before `stop`."""
    return _HEAD.pack(CUT, position, RATE, stop - position)


def parse(chunk: bytes | memoryview) -> Iterator[Record]:
    """The records of a whole chunk. Raises StorageError where it is none."""
    data = memoryview(chunk)
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise StorageError("a record of the spool is cut off")
        kind, position, rate, count = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        size = 0 if kind == CUT else 2 * count
        if kind not in (LEFT, RIGHT, CUT) or not _RATES[0] <= rate <= _RATES[1] or size > len(data) - at:
            raise StorageError("a record of the spool is none")
        yield Record(kind, position, rate, count, bytes(data[at : at + size]))
        at += size
