"""What a recording is spooled as: records of sound with their places, in the order in which they became known.

    kind u8 · position u64 · rate u32 · count u32 · 16-bit samples

`position` is in samples of the sample clock. A later record has the last word on its place: `CUT` takes back sound of
the reply that was sent and never heard. Positions go back by seconds, never by more than `BACK_S`. After `END` come
only places before it.
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
END: Final = 4
"""The recording goes up to that place, and not beyond: what is there belongs to the next one."""

BACK_S: Final = 120
"""A lost line is waited for 60 s, and its client brings up to 30 s with it."""

_HEAD: Final = struct.Struct("<BQII")
_RATES: Final = (8_000, 48_000)


@dataclass(frozen=True, slots=True)
class Record:
    """`count` samples at `rate` Hz; `pcm` is empty for CUT and END."""

    kind: int
    position: int
    rate: int
    count: int
    pcm: bytes = b""

    @property
    def stop(self) -> int:
        """The position behind its last sample."""
        return self.position - -self.count * RATE // self.rate

    def __bytes__(self) -> bytes:
        return _HEAD.pack(self.kind, self.position, self.rate, self.count) + self.pcm


def sound(kind: int, position: int, rate: int, pcm: bytes) -> Record:
    """LEFT or RIGHT."""
    return Record(kind, position, rate, len(pcm) // 2, pcm)


def cut(position: int, stop: int) -> Record:
    """No reply was heard from `position` to before `stop`."""
    return Record(CUT, position, RATE, stop - position)


def end(position: int) -> Record:
    """The recording goes up to before `position`."""
    return Record(END, position, RATE, 0)


def parse(chunk: bytes | memoryview) -> Iterator[Record]:
    """The records of a whole chunk. Raises StorageError where it is none."""
    data = memoryview(chunk)
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise StorageError("a record of the spool is cut off")
        kind, position, rate, count = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        size = 2 * count if kind in (LEFT, RIGHT) else 0
        if kind not in (LEFT, RIGHT, CUT, END) or not _RATES[0] <= rate <= _RATES[1] or size > len(data) - at:
            raise StorageError("a record of the spool is none")
        yield Record(kind, position, rate, count, bytes(data[at : at + size]))
        at += size
