"""Sealing with keys and a database: rows, blobs, page after page, and what happens when keys are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from vivavoce.errors import ConfigError, StorageError, StorageUnavailable
from vivavoce.storage.clock import wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import DataKey
from vivavoce.storage.sealing import KeyRing, Plain, Sealer, envelope, open_sealer
from vivavoce.storage.sealing.envelope import BLOB_HEAD, CHUNK, STORED_CHUNK, Head
from vivavoce.storage.sealing.keys import AHEAD, MOST_SEALS, Sealing, StoredKeys
from vivavoce.storage.sealing.ring import Kek
from vivavoce.storage.sealing.sealer import EnvelopeSealer
from vivavoce.testing import virtual
from vivavoce.testing.conformance_storage import chunks_of, whole

OLD, NEW = Kek.new(), Kek.new()
SCOPE = "conversation:1"


def sealer_of(database: Database, *keys: Kek) -> EnvelopeSealer:
    return EnvelopeSealer(StoredKeys(database, KeyRing(keys, "test"), wall))


async def keys_of(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(DataKey)) or 0


# ── rows ──


@pytest.mark.real
async def test_another_process_opens_what_one_has_sealed(database: Database) -> None:
    here, there = sealer_of(database, OLD), sealer_of(database, OLD)
    stored = await here.seal("grüß dich".encode(), SCOPE, "turns/1/said")
    assert b"dich" not in stored
    assert await there.unseal(stored, SCOPE, "turns/1/said") == "grüß dich".encode()
    for scope, place in ((SCOPE, "turns/2/said"), ("conversation:2", "turns/1/said")):
        with pytest.raises(StorageError):
            await there.unseal(stored, scope, place)


@pytest.mark.real
async def test_a_page_of_turns_asks_the_database_for_nothing(sqlite: Database) -> None:
    writer = sealer_of(sqlite, OLD)
    sealed = [await writer.seal(b"%d" % n, SCOPE, f"turns/{n}/said") for n in range(200)]
    statements: list[str] = []
    event.listen(sqlite.readers.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    event.listen(sqlite.writers.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    reader = sealer_of(sqlite, OLD)
    assert [await reader.unseal(one, SCOPE, f"turns/{n}/said") for n, one in enumerate(sealed)] == [
        b"%d" % n for n in range(200)
    ]
    assert statements == []


@pytest.mark.real
async def test_one_data_key_for_a_conversation_and_the_next_process_goes_on_with_it(sqlite: Database) -> None:
    for _ in range(3):
        sealer = sealer_of(sqlite, OLD)
        await asyncio.gather(*(sealer.seal(b"x", SCOPE, "p") for _ in range(20)))
    assert await keys_of(sqlite) == 1
    await sealer.seal(b"x", "conversation:2", "p")
    assert await keys_of(sqlite) == 2


@pytest.mark.real
async def test_a_data_key_that_is_used_up_is_followed_by_another(sqlite: Database) -> None:
    first = await sealer_of(sqlite, OLD).seal(b"x", SCOPE, "p")
    async with sqlite.writing() as session:
        await session.execute(update(DataKey).values(seals=MOST_SEALS - 3 * AHEAD))
    later = sealer_of(sqlite, OLD)
    second = await later.seal(b"y", SCOPE, "p")
    assert await keys_of(sqlite) == 2
    assert (await later.unseal(first, SCOPE, "p"), await later.unseal(second, SCOPE, "p")) == (b"x", b"y")


@pytest.mark.real
async def test_without_the_database_a_known_scope_goes_on_and_a_new_one_does_not(sqlite: Database) -> None:
    sealer = sealer_of(sqlite, OLD)
    await sealer.seal(b"x", SCOPE, "p")
    await away(sqlite)
    for _ in range(2 * AHEAD - 1):  # those drawn ahead, and as many on credit
        stored = await sealer.seal(b"x", SCOPE, "p")
    assert await sealer.unseal(stored, SCOPE, "p") == b"x"
    with pytest.raises(StorageError):
        await sealer.seal(b"x", SCOPE, "p")
    with pytest.raises(StorageError):
        await sealer.seal(b"x", "conversation:2", "p")


async def away(database: Database) -> None:
    """No statement gets through any more."""

    def refuse(*_: object) -> None:
        raise StorageUnavailable("away")

    for engine in {database.readers, database.writers}:
        event.listen(engine.sync_engine, "before_cursor_execute", refuse)


@pytest.mark.real
async def test_what_was_stored_plain_is_read_as_it_is(sqlite: Database) -> None:
    plain, sealer = Plain(), sealer_of(sqlite, OLD)
    for text in (b"", b"hello", b"VVE1 said somebody", b"VVE0", b"x" * 200):
        stored = await plain.seal(text, SCOPE, "p")
        assert await plain.unseal(stored, SCOPE, "p") == text
        assert await sealer.unseal(stored, SCOPE, "p") == text


@pytest.mark.real
async def test_without_its_key_a_text_is_unavailable_not_garbage(sqlite: Database) -> None:
    stored = await sealer_of(sqlite, OLD).seal(b"x", SCOPE, "p")
    with pytest.raises(StorageUnavailable, match=r"data\.keys"):
        await Plain().unseal(stored, SCOPE, "p")
    with pytest.raises(StorageUnavailable, match=OLD.id):
        await sealer_of(sqlite, NEW).unseal(stored, SCOPE, "p")


@pytest.mark.real
async def test_any_flipped_bit_is_an_error(sqlite: Database) -> None:
    sealer = sealer_of(sqlite, OLD)
    stored = await sealer.seal(b"what was said", SCOPE, "p")
    for at in range(len(stored) * 8):
        flipped = bytearray(stored)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(StorageError):
            await sealer.unseal(bytes(flipped), SCOPE, "p")


@pytest.mark.real
async def test_a_key_that_is_not_here_stops_the_start_by_its_id(database: Database) -> None:
    await sealer_of(database, OLD).seal(b"x", SCOPE, "p")
    for ring in (None, KeyRing([NEW], "data.keys")):
        with pytest.raises(ConfigError, match=rf"{OLD.id} \(1 data keys\)"):
            async with open_sealer(database, ring):
                pass
    async with open_sealer(database, KeyRing([NEW, OLD], "data.keys")) as sealer:
        assert sealer.sealing


@pytest.mark.real
async def test_without_keys_nothing_is_sealed(sqlite: Database) -> None:
    async with open_sealer(sqlite, None) as sealer:
        assert not sealer.sealing
        assert await sealer.seal(b"x", SCOPE, "p") == b"x"
    assert await keys_of(sqlite) == 0


# ── blobs ──


class Store:
    """Stored bytes with ranges, and how many were read."""

    def __init__(self, stored: bytes) -> None:
        self.stored = stored
        self.read = 0

    async def get(self, start: int, stop: int | None) -> AsyncIterator[bytes]:
        wanted = self.stored[start:stop]
        for at in range(0, len(wanted), 50_000):
            self.read += len(wanted[at : at + 50_000])
            yield wanted[at : at + 50_000]


class OneKey:
    """`DataKeys` with a single one and no database, so that a property can be tried many times."""

    def __init__(self) -> None:
        dek = bytes(32)
        self._key = Sealing(envelope.wrap(OLD.cipher, OLD.id_bytes, dek, "blob:a"), AESGCM(dek), 1)

    async def to_seal(self, scope: str) -> Sealing:
        return self._key

    async def for_blob(self, scope: str) -> Sealing:
        return self._key

    async def to_open(self, scope: str, head: Head) -> AESGCM:
        return AESGCM(envelope.unwrap(OLD.cipher, head, scope))

    def damaged(self, stored: bytes) -> bool:
        return stored[4:12] == OLD.id_bytes


SEALER = EnvelopeSealer(OneKey())
sizes = st.one_of(st.integers(0, 3 * CHUNK), st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]))


def sealed_blob(size: int, cut: int = 10_000) -> tuple[bytes, bytes]:
    plain = bytes(n * 7 & 0xFF for n in range(256)) * (size // 256 + 1)
    plain = plain[:size]
    parts = [plain[at : at + cut] for at in range(0, size, cut)]
    return plain, virtual.run(whole(SEALER.seal_blob(chunks_of(*parts), "blob:a")))


def opened(stored: bytes, scope: str = "blob:a") -> bytes:
    return virtual.run(whole(SEALER.unseal_blob(Store(stored).get(0, None), scope)))


def ranged(stored: bytes, start: int, stop: int | None) -> bytes:
    return virtual.run(whole(SEALER.read_blob(Store(stored).get, "blob:a", start, stop)))


@given(sizes, st.integers(1, 100_000))
def test_a_blob_opens_however_it_came_in(size: int, cut: int) -> None:
    plain, stored = sealed_blob(size, max(cut, size // 50))
    assert opened(stored) == plain


@given(sizes, st.data())
def test_any_range_of_it_opens_by_itself(size: int, data: st.DataObject) -> None:
    plain, stored = sealed_blob(size)
    start = data.draw(st.integers(0, size + CHUNK))
    stop = data.draw(st.one_of(st.none(), st.integers(0, size + CHUNK)))
    assert ranged(stored, start, stop) == plain[start:stop]


def test_a_range_reads_only_its_chunks() -> None:
    plain, stored = sealed_blob(20 * CHUNK)
    store = Store(stored)
    read = virtual.run(whole(SEALER.read_blob(store.get, "blob:a", 10 * CHUNK + 5, 10 * CHUNK + 15)))
    assert read == plain[10 * CHUNK + 5 : 10 * CHUNK + 15]
    assert store.read == BLOB_HEAD + STORED_CHUNK


@given(sizes, st.data())
def test_a_blob_that_was_cut_short_is_an_error(size: int, data: st.DataObject) -> None:
    _, stored = sealed_blob(size)
    cut = stored[: data.draw(st.integers(12, len(stored) - 1))]
    with pytest.raises(StorageError):
        opened(cut)
    with pytest.raises(StorageError):
        ranged(cut, 0, None)


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_blob_that_was_cut_between_two_chunks_is_an_error(chunks: int) -> None:
    plain, stored = sealed_blob(3 * CHUNK)
    cut = stored[: BLOB_HEAD + chunks * STORED_CHUNK]
    for read in (lambda: opened(cut), lambda: ranged(cut, 0, None)):
        with pytest.raises(StorageError):
            read()
    if chunks:
        assert ranged(cut, 0, chunks * CHUNK) == plain[: chunks * CHUNK]  # what is there, is there


@given(st.data())
def test_a_flipped_bit_of_a_blob_is_an_error(data: st.DataObject) -> None:
    _, stored = sealed_blob(CHUNK + 100)
    changed = bytearray(stored)
    changed[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StorageError):
        opened(bytes(changed))


def test_chunks_that_were_reordered_left_out_or_repeated_are_an_error() -> None:
    _, stored = sealed_blob(3 * CHUNK + 7)
    head, body = stored[:BLOB_HEAD], stored[BLOB_HEAD:]
    one, two, three, last = (body[at : at + STORED_CHUNK] for at in range(0, len(body), STORED_CHUNK))
    for wrong in (
        two + one + three + last,
        one + three + last,
        one + one + two + three + last,
        one + two + three,
        last,
    ):
        with pytest.raises(StorageError):
            opened(head + wrong)


def test_a_blob_opens_under_no_other_name() -> None:
    _, stored = sealed_blob(10)
    with pytest.raises(StorageError):
        opened(stored, "blob:b")


@pytest.mark.parametrize("size", [0, 3, 50, 100_000])
def test_a_blob_that_was_stored_plain_is_read_as_it_is(size: int) -> None:
    plain = bytes(size)
    assert opened(plain) == plain
    assert ranged(plain, 2, 70_000) == plain[2:70_000]


@pytest.mark.parametrize("sealer", [Plain(), SEALER], ids=["plain", "sealed"])
async def test_what_reading_gives_is_what_was_written(sealer: Sealer) -> None:
    stored = await whole(sealer.seal_blob(chunks_of(b"ab", b"", b"cdef"), "blob:a"))
    store = Store(stored)
    assert await whole(sealer.unseal_blob(store.get(0, None), "blob:a")) == b"abcdef"
    assert await whole(sealer.read_blob(store.get, "blob:a", 1, 4)) == b"bcd"


async def test_without_its_key_a_blob_is_unavailable() -> None:
    stored = await whole(SEALER.seal_blob(chunks_of(b"abc"), "blob:a"))
    for work in (
        whole(Plain().unseal_blob(Store(stored).get(0, None), "blob:a")),
        whole(Plain().unseal_blob(chunks_of(*(stored[at : at + 1] for at in range(len(stored)))), "blob:a")),
        whole(Plain().read_blob(Store(stored).get, "blob:a")),
    ):
        with pytest.raises(StorageUnavailable):
            await work


@pytest.mark.real
async def test_each_blob_has_a_data_key_of_its_own(sqlite: Database) -> None:
    sealer = sealer_of(sqlite, OLD)
    stored = [await whole(sealer.seal_blob(chunks_of(b"x"), "blob:a")) for _ in range(2)]
    assert stored[0][:72] != stored[1][:72]
    assert await keys_of(sqlite) == 2
    other = sealer_of(sqlite, OLD)
    for one in stored:
        assert await whole(other.unseal_blob(chunks_of(one), "blob:a")) == b"x"
