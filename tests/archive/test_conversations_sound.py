from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from archive.library import library
from archive.people import conversation, person, recording
from vivavoce.archive.conversations_sound import Piece, piece_of
from vivavoce.archive.layout import peaks_place, scope
from vivavoce.errors import BadInput, Missing
from vivavoce.storage.database import Database
from vivavoce.storage.models import Recording
from vivavoce.storage.sealing import KeyRing, open_sealer
from vivavoce.storage.sealing.ring import Kek

SOUND = bytes(range(256)) * 1_000


@given(st.text(max_size=80), st.integers(0, 1 << 40))
def test_any_header_is_one_piece_of_the_file_or_refused(header: str, size: int) -> None:
    with contextlib.suppress(BadInput):
        piece = piece_of(header, size)
        assert 0 <= piece.start < piece.stop <= size


@given(st.integers(0, 100), st.integers(0, 200), st.integers(1, 100))
def test_a_range_is_what_it_says(start: int, last: int, size: int) -> None:
    data = bytes(range(100))[:size]
    wanted = data[start : last + 1]
    if start > last or start >= size:
        with pytest.raises(BadInput):
            piece_of(f"bytes={start}-{last}", size)
    else:
        piece = piece_of(f"bytes={start}-{last}", size)
        assert data[piece.start : piece.stop] == wanted


@pytest.mark.real
async def test_pieces_of_sealed_sound_are_those_of_the_plain_one(database: Database) -> None:
    ring = KeyRing([Kek.new()], "tests")
    async with open_sealer(database, ring) as sealer, library(database, sealer) as kept:
        ada = await person(database, "ada")
        mine = await conversation(database, ada, ["tea"], words=False)
        made = await recording(database, kept.blobs, mine, ada, SOUND)
        peaks = await sealer.seal(b"\x07\x08", scope(mine), peaks_place(made))
        async with database.writing() as session:
            await session.execute(update(Recording).values(peaks=peaks))
        [key] = [key async for key in kept.stored.keys("recordings")]
        assert (await kept.stored.head(key)).size > len(SOUND)
        row = await kept.reading.sounds.recording(mine, ada, made)
        for start, stop in (
            (0, len(SOUND)),
            (0, 1),
            (65_535, 65_537),
            (200_000, 255_999),
            (len(SOUND) - 1, len(SOUND)),
        ):
            stream = await kept.reading.sounds.open(row, Piece(start, stop, len(SOUND)))
            assert b"".join([chunk async for chunk in stream]) == SOUND[start:stop]
        assert (await kept.reading.sounds.peaks(row)).data == b"\x07\x08"


@pytest.mark.real
async def test_sound_of_others_and_sound_that_is_gone_are_missing(sqlite: Database) -> None:
    async with library(sqlite) as kept:
        ada, bob = await person(sqlite, "ada"), await person(sqlite, "bob")
        mine = await conversation(sqlite, ada, ["tea"])
        await recording(sqlite, kept.blobs, mine, ada, SOUND, state="gone")
        for owner in (ada, bob):
            with pytest.raises(Missing):
                await kept.reading.sounds.recording(mine, owner)
