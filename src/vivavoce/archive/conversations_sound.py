"""The sound of a conversation: a piece of a recording's file, unsealed where it is sealed, and its peaks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from vivavoce import aio
from vivavoce.archive import layout
from vivavoce.errors import BadInput, Missing
from vivavoce.storage.blobs import BlobIndex
from vivavoce.storage.database import Database
from vivavoce.storage.ids import ID
from vivavoce.storage.models import Recording
from vivavoce.storage.sealing import Sealer

CONTENT_TYPE: Final = "audio/ogg"
PEAK_MS: Final = 50
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_HEADER: Final = 64
"""Characters of a `Range` that are looked at: one range never needs more, and a list of them is not answered."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` to before `stop` of `size`."""

    start: int
    stop: int
    size: int

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.stop == self.size


@dataclass(frozen=True, slots=True)
class Peaks:
    """`data`: a pair of unsigned bytes (user, reply) each `PEAK_MS`."""

    recording: str
    from_ms: int
    duration_ms: int
    data: bytes


def piece_of(header: str | None, size: int) -> Piece:
    """What one `Range` header asks for (RFC 9110 §14.2). Raises BadInput (`range`) for several ranges, none, or one
    outside the file.
    """
    if header is None:
        return Piece(0, size, size)
    found = _RANGE.fullmatch(header.strip()) if len(header) <= _HEADER else None
    if found is None or found[1] == found[2] == "":
        raise BadInput(f"ask for one range of the {size} bytes", code="range")
    if found[1] == "":
        piece = Piece(max(0, size - int(found[2])), size, size)
    else:
        last = size if found[2] == "" else min(size, int(found[2]) + 1)
        piece = Piece(int(found[1]), last, size)
    if piece.start >= piece.stop:
        raise BadInput(f"there are {size} bytes", code="range")
    return piece


class Sounds:
    """Raises Missing where no sound was kept, StorageUnavailable while the blobs are away."""

    def __init__(self, database: Database, blobs: BlobIndex, sealer: Sealer) -> None:
        self._database = database
        self._blobs = blobs
        self._sealer = sealer

    async def recording(self, conversation: str, owner: str, recording: str | None = None) -> Recording:
        """One that can be heard: the first, or the one of that id."""
        statement = select(Recording).where(
            Recording.conversation_id == conversation, Recording.owner_id == owner, Recording.state == "ready"
        )
        if recording is not None:
            statement = statement.where(Recording.id == (recording if ID.fullmatch(recording) else ""))
        async with self._database.reading() as session:
            found = await session.scalar(statement.order_by(Recording.from_ms, Recording.id).limit(1))
        if found is None:
            raise Missing("there is no sound of this conversation", code="no_sound")
        return found

    async def open(self, recording: Recording, piece: Piece) -> AsyncIterator[bytes]:
        """The bytes, once the first of them is here: what is wrong shows before an answer has begun."""
        stream = self._blobs.get(recording.blob, piece.start, piece.stop)
        first = await anext(stream, b"")
        return _from(first, stream)

    async def peaks(self, recording: Recording) -> Peaks:
        data = b""
        if recording.peaks is not None:
            scope, place = layout.scope(recording.conversation_id), layout.peaks_place(recording.id)
            data = await self._sealer.unseal(recording.peaks, scope, place)
        return Peaks(recording.id, recording.from_ms, recording.duration_ms, data)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aio.closing(rest):
        if first:
            yield first
        async for chunk in rest:
            yield chunk
