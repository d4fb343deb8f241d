"""No blob without a row, no row without a blob, and nobody's upload swept away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from vivavoce.errors import Conflict, Missing, StorageUnavailable
from vivavoce.storage.blobs import BlobEntry, BlobIndex, BlobInfo, Blobs, Swept
from vivavoce.storage.blobs.folder import FolderBlobs
from vivavoce.storage.blobs.remote import memory
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import Blob, DataKey
from vivavoce.storage.sealing.keys import StoredKeys
from vivavoce.storage.sealing.ring import Kek, KeyRing
from vivavoce.storage.sealing.sealer import EnvelopeSealer
from vivavoce.testing.conformance_storage import chunks_of, whole

pytestmark = pytest.mark.real

ME, OTHER = "1" * 32, "2" * 32


class Time:
    """The clock of a test, and of the store below it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


class Dated:
    """Blobs whose store has the test's clock."""

    def __init__(self, inner: Blobs, clock: Callable[[], int]) -> None:
        self._inner = inner
        self._clock = clock
        self._written: dict[str, int] = {}
        self.away = False
        self.unlisted: set[str] = set()

    async def put(self, key: str, chunks: AsyncIterator[bytes], content_type: str) -> BlobInfo:
        info = await self._inner.put(key, chunks, content_type)
        self._written[key] = self._clock()
        return info

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self._inner.get(key, start, stop)

    async def head(self, key: str) -> BlobInfo:
        return await self._inner.head(key)

    async def delete(self, key: str) -> None:
        if self.away:
            raise StorageUnavailable("away")
        await self._inner.delete(key)

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        return self._inner.keys(prefix)

    async def entries(self, prefix: str = "") -> AsyncIterator[BlobEntry]:
        async for entry in self._inner.entries(prefix):
            if entry.key not in self.unlisted:
                yield BlobEntry(entry.key, entry.size, self._written[entry.key])

    async def tidy(self, before: int) -> int:
        return await self._inner.tidy(before)


class Store:
    """An index with everything a test turns."""

    def __init__(self, database: Database, sealed: bool = False) -> None:
        self.database = database
        self.clock = Time()
        self.blobs = Dated(memory(), self.clock)
        ring = KeyRing([Kek.new()], "test")
        sealer = EnvelopeSealer(StoredKeys(database, ring, self.clock)) if sealed else None
        self.index = BlobIndex(database, self.blobs, sealer, self.clock)

    async def put(self, key: str, data: bytes = b"sound", owner: str = ME, expires_at: int | None = None) -> BlobInfo:
        return await self.index.put(key, owner, chunks_of(data), "audio/ogg", expires_at)

    async def states(self) -> dict[str, str]:
        async with self.database.reading() as session:
            return {row.key: row.state for row in await session.scalars(select(Blob).order_by(Blob.key))}

    async def keys(self) -> list[str]:
        return sorted([key async for key in self.blobs.keys("")])

    async def sweep(self) -> Swept:
        return await self.index.sweep(self.clock.now)


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_blob_is_ready_when_its_bytes_are_there(database: Database, sealed: bool) -> None:
    store = Store(database, sealed)
    data = bytes(range(256)) * 1_000
    info = await store.put("recordings/a", data, expires_at=store.clock.now + DAY)
    row = await store.index.row("recordings/a", ME)
    assert (row.size, row.sha256, row.content_type) == (len(data), info.sha256, "audio/ogg")
    assert row.expires_at == store.clock.now + DAY
    assert await whole(store.index.get("recordings/a")) == data
    assert await whole(store.index.get("recordings/a", 65_530, 131_080)) == data[65_530:131_080]
    stored = await whole(store.blobs.get("recordings/a"))
    assert (data[:1_000] in stored) != sealed


async def test_somebody_else_s_blob_looks_like_none(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    for key, owner in (("recordings/a", OTHER), ("recordings/b", ME)):
        with pytest.raises(Missing, match="there is no such blob"):
            await store.index.row(key, owner)


async def test_a_key_is_taken_once(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a", b"first")
    with pytest.raises(Conflict):
        await store.put("recordings/a", b"second")
    assert await whole(store.index.get("recordings/a")) == b"first"


async def test_an_upload_that_breaks_is_swept_with_its_row(sqlite: Database) -> None:
    store = Store(sqlite)
    with pytest.raises(KeyError):
        await store.index.put("recordings/a", ME, chunks_of(b"half", then=KeyError()), "audio/ogg")
    assert await store.states() == {"recordings/a": "gone"}
    assert (await store.sweep()).removed == 1
    assert await store.states() == {}


async def test_an_upload_that_a_kill_broke_is_given_up_after_an_hour(sqlite: Database) -> None:
    store = Store(sqlite)
    now = store.clock.now
    async with sqlite.writing() as session:
        session.add(
            Blob(
                key="recordings/a", owner_id=ME, state="pending", content_type="", created_at=now, expires_at=now + HOUR
            )
        )
    store.clock.now += HOUR
    assert await store.sweep() == Swept()
    store.clock.now += 1
    assert await store.sweep() == Swept(expired=1, removed=1)


async def test_a_long_upload_of_another_process_is_left_alone(sqlite: Database) -> None:
    """It renews its hold as long as bytes come; the sweep comes in between, again and again."""
    store = Store(sqlite)
    swept: list[Swept] = []

    async def five_hours() -> AsyncIterator[bytes]:
        for _ in range(15):
            store.clock.now += 20 * MINUTE
            yield b"sound"
            swept.append(await store.sweep())

    await store.index.put("recordings/long", ME, five_hours(), "audio/ogg")
    assert set(swept) == {Swept()}
    assert await store.states() == {"recordings/long": "ready"}
    assert await store.sweep() == Swept()


async def test_an_upload_that_comes_back_too_late_fails_and_leaves_nothing(sqlite: Database) -> None:
    store = Store(sqlite)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"a"
        store.clock.now += 2 * HOUR
        await store.sweep()

    with pytest.raises(Conflict):
        await store.index.put("recordings/a", ME, stalled(), "audio/ogg")
    assert await store.keys() == []
    assert await store.states() == {}


async def test_what_has_expired_goes(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a", expires_at=store.clock.now + DAY)
    await store.put("recordings/b")
    store.clock.now += DAY
    assert await store.sweep() == Swept()
    store.clock.now += 1
    assert await store.sweep() == Swept(expired=1, removed=1)
    assert await store.keys() == ["recordings/b"]


async def test_a_person_s_blobs_go_in_the_transaction_that_deletes_the_person(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    await store.put("recordings/b")
    await store.put("recordings/c", owner=OTHER)
    async with sqlite.writing() as session:
        await store.index.forget(session, ["recordings/c"])
        await session.rollback()
    async with sqlite.writing() as session:
        await store.index.forget_owner(session, ME)
    with pytest.raises(Missing):
        await store.index.row("recordings/a", ME)
    assert (await store.sweep()).removed == 2
    assert await store.keys() == ["recordings/c"]


async def test_a_row_stays_until_its_bytes_are_gone(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    async with sqlite.writing() as session:
        await store.index.forget(session, ["recordings/a"])
    store.blobs.away = True
    with pytest.raises(StorageUnavailable):
        await store.sweep()
    assert await store.states() == {"recordings/a": "gone"}
    store.blobs.away = False
    assert (await store.sweep()).removed == 1
    assert (await store.keys(), await store.states()) == ([], {})


async def test_the_data_key_of_a_blob_goes_with_it(sqlite: Database) -> None:
    store = Store(sqlite, sealed=True)
    await store.put("recordings/a")
    await store.put("recordings/b")
    async with sqlite.writing() as session:
        await store.index.forget(session, ["recordings/a"])
    await store.sweep()
    async with sqlite.reading() as session:
        assert list(await session.scalars(select(DataKey.scope))) == ["blob:recordings/b"]


async def test_bytes_without_a_row_go_after_an_hour(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    await store.blobs.put("recordings/lost", chunks_of(b"x"), "audio/ogg")
    store.clock.now += HOUR
    assert await store.sweep() == Swept()
    store.clock.now += 1
    assert await store.sweep() == Swept(rowless=1)
    assert await store.keys() == ["recordings/a"]


async def test_rows_without_bytes_go_after_an_hour(sqlite: Database) -> None:
    store = Store(sqlite)
    for n in range(3):
        await store.put(f"recordings/{n}")
    await store.blobs.delete("recordings/1")
    store.clock.now += HOUR
    assert await store.sweep() == Swept()
    store.clock.now += 1
    assert await store.sweep() == Swept(byteless=1)
    assert await store.sweep() == Swept(removed=1)
    assert await store.states() == {"recordings/0": "ready", "recordings/2": "ready"}


async def test_a_blob_that_came_after_it_was_looked_for_is_kept(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    store.blobs.unlisted.add("recordings/a")
    store.clock.now += DAY
    assert await store.sweep() == Swept()
    assert await store.states() == {"recordings/a": "ready"}


async def test_the_wrong_database_costs_no_blob(sqlite: Database) -> None:
    store = Store(sqlite)
    for n in range(40):
        await store.blobs.put(f"recordings/{n}", chunks_of(b"x"), "audio/ogg")
    await store.put("recordings/known")
    store.clock.now += DAY
    assert await store.sweep() == Swept()
    assert len(await store.keys()) == 41


async def test_a_pending_row_that_says_no_time_is_given_up_after_a_day(sqlite: Database) -> None:
    store = Store(sqlite)
    await store.put("recordings/a")
    async with sqlite.writing() as session:
        await session.execute(update(Blob).values(state="pending", expires_at=None))
    store.clock.now += DAY
    assert (await store.sweep()).expired == 0
    store.clock.now += 1
    assert (await store.sweep()).expired == 1


async def test_two_sweeps_at_once_do_no_harm(database: Database, tmp_path: Path) -> None:
    clock = Time()
    index = BlobIndex(database, FolderBlobs(tmp_path), None, clock)
    for n in range(10):
        await index.put(f"recordings/{n}", ME, chunks_of(b"x"), "audio/ogg", clock.now + n)
    swept = await asyncio.gather(index.sweep(clock.now + 5), index.sweep(clock.now + 5))
    assert sum(one.expired for one in swept) == 5
    async with database.reading() as session:
        assert len(list(await session.scalars(select(Blob.key)))) == 5
