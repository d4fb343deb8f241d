"""From the spool to the blob store, through the encoder: once, whole, and again until it works."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest
from sqlalchemy import delete, select

from archive.people import NOON, conversation, person
from archive.test_encoder import decoded, loudness, tone
from vivavoce import aio
from vivavoce.archive import layout
from vivavoce.archive.news import News
from vivavoce.archive.recordings import Recordings
from vivavoce.archive.records import LEFT, RIGHT, sound
from vivavoce.archive.spool import Header, Spool
from vivavoce.errors import StorageUnavailable
from vivavoce.storage.blobs import BlobIndex, BlobInfo, remote
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Blob, Conversation, Recording
from vivavoce.storage.sealing import Plain, Sealer
from vivavoce.storage.sealing.open import open_sealer
from vivavoce.storage.sealing.ring import Kek, key_ring

pytestmark = pytest.mark.real
RATE = 16_000
SOUND = (bytes(sound(LEFT, RATE, RATE, tone(2, 300))), bytes(sound(RIGHT, 2 * RATE, 24_000, tone(1, 500, 24_000))))


class AwayBlobs:
    """In memory; away for so many tries."""

    def __init__(self) -> None:
        self.inner = remote.memory()
        self.away = 0
        self.after: Callable[[], Awaitable[None]] | None = None
        """What happens when it is stored."""

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        if self.away:
            self.away -= 1
            raise StorageUnavailable("the blob store is away")
        info = await self.inner.put(key, chunks, content_type)
        if self.after is not None:
            await self.after()
        return info

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self.inner.get(key, start, stop)

    async def stored(self) -> list[bytes]:
        """Everything in it."""
        keys = [key async for key in self.inner.keys("")]
        return [b"".join([part async for part in self.inner.get(key)]) for key in keys]


class House:
    def __init__(self, database: Database, folder: Path, sealer: Sealer | None = None) -> None:
        self.database = database
        self.sealer = sealer or Plain()
        self.blobs = AwayBlobs()
        self.spool = Spool(folder, 1 << 30, lambda: 1 << 40)
        self.recordings = Recordings(
            database,
            BlobIndex(database, self.blobs, self.sealer),  # type: ignore[arg-type]
            self.sealer,
            self.spool,
            News(MemoryBus()),
            clock=lambda: NOON,
            gateway="g",
        )

    async def recorded(self, owner: str, conversation: str, *chunks: bytes, gateway: str = "g") -> str:
        """A recording that is to be stored."""
        id = new_id()
        sealing = self.sealer.sealing
        self.spool.begin(Header(id, conversation, owner, gateway, RATE, NOON, sealing))
        where = layout.scope(conversation), layout.spool_place(id)
        self.spool.append(id, [await self.sealer.seal(chunk, *where) if sealing else chunk for chunk in chunks])
        row = Recording(
            id=id,
            conversation_id=conversation,
            owner_id=owner,
            state="pending",
            gateway=gateway,
            created_at=NOON,
            expires_at=NOON + 1,
        )
        async with self.database.writing() as session:
            session.add(row)
        return id

    async def row(self, id: str) -> Recording:
        async with self.database.reading() as session:
            return await session.get_one(Recording, id)

    async def blob(self, id: str) -> Blob | None:
        async with self.database.reading() as session:
            return await session.get(Blob, (await session.get_one(Recording, id)).blob)

    async def work(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self.recordings.work(group)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = aio.spawn(group, self.recordings.run(), "recordings")
            try:
                yield
            finally:
                await aio.settle(task)


async def test_both_sides_are_stored_as_opus_with_their_peaks(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    id = await house.recorded(ann, await conversation(database, ann, ["one"]), *SOUND)
    await house.work()
    row, blob, (file,) = await house.row(id), await house.blob(id), await house.blobs.stored()
    assert (row.state, row.from_ms, row.duration_ms, row.size) == ("ready", 1000, 2000, len(file))
    assert row.peaks is not None
    assert len(row.peaks) == 2 * 40
    assert blob is not None
    assert (blob.state, blob.size, blob.content_type, blob.owner_id) == ("ready", len(file), "audio/ogg", ann)
    assert row.blob == blob.key
    with av.open(io.BytesIO(file)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.codec_context.channels) == ("opus", 2)
    left, right = decoded(file)
    assert loudness(left, 0.1, 1.9) > 0.15
    assert loudness(right, 0.1, 0.9) < 0.01
    assert loudness(right, 1.1, 1.9) > 0.15
    assert house.spool.recordings() == []


async def test_sealed_at_every_step(sqlite: Database, tmp_path: Path) -> None:
    async with open_sealer(sqlite, key_ring(value=Kek.new().text)) as sealer:
        house = House(sqlite, tmp_path, sealer)
        ann = await person(sqlite, "ann")
        talk = await conversation(sqlite, ann, ["one"])
        id = await house.recorded(ann, talk, *SOUND)
        assert SOUND[0][100:120] not in (tmp_path / f"{id}.sound").read_bytes()
        await house.work()
        row, (file,) = await house.row(id), await house.blobs.stored()
        assert b"OggS" not in file
        plain = b"".join([part async for part in BlobIndex(sqlite, house.blobs, sealer).get(row.blob)])  # type: ignore[arg-type]
        assert plain.startswith(b"OggS")
        assert row.size == len(plain), "what a reader gets"
        assert row.peaks is not None
        peaks = await sealer.unseal(row.peaks, layout.scope(talk), layout.peaks_place(id))
        assert len(peaks) == 2 * 40


async def test_with_the_blob_store_away_it_waits(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    id = await house.recorded(ann, await conversation(sqlite, ann, ["one"]), *SOUND)
    house.blobs.away = 1
    with pytest.raises(ExceptionGroup) as away:
        await house.work()
    assert away.group_contains(StorageUnavailable)
    assert (await house.row(id)).state == "pending"
    assert house.spool.recordings() == [id]
    async with house.running():
        async with asyncio.timeout(20):
            while (await house.row(id)).state != "ready":  # noqa: ASYNC110 — a child process does it
                await asyncio.sleep(0.05)
    assert house.spool.recordings() == []


async def test_what_is_no_sound_fails_and_holds_up_nothing(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    talk = await conversation(sqlite, ann, ["one"])
    broken = await house.recorded(ann, talk, b"nonsense")
    empty = await house.recorded(ann, talk)
    lost = await house.recorded(ann, talk, *SOUND)
    house.spool.drop(lost)
    good = await house.recorded(ann, talk, *SOUND)
    await house.work()
    states = [(await house.row(id)).state for id in (broken, empty, lost, good)]
    assert states == ["failed", "failed", "failed", "ready"]
    assert house.spool.recordings() == []
    async with sqlite.reading() as session:
        ready = list(await session.scalars(select(Blob.key).where(Blob.state == "ready")))
        assert set(await session.scalars(select(Blob.state))) == {"ready", "gone"}
    assert ready == [(await house.row(good)).blob]


async def test_sealed_sound_that_was_changed_holds_up_nothing(sqlite: Database, tmp_path: Path) -> None:
    async with open_sealer(sqlite, key_ring(value=Kek.new().text)) as sealer:
        house = House(sqlite, tmp_path, sealer)
        ann = await person(sqlite, "ann")
        talk = await conversation(sqlite, ann, ["one"])
        changed = await house.recorded(ann, talk)
        elsewhere = await sealer.seal(SOUND[0], layout.scope(talk), layout.spool_place("7" * 32))
        house.spool.append(changed, [elsewhere])
        good = await house.recorded(ann, talk, *SOUND)
        await house.work()
        assert [(await house.row(id)).state for id in (changed, good)] == ["failed", "ready"]


async def test_what_belongs_to_another_gateway_is_left_to_it(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    id = await house.recorded(ann, await conversation(sqlite, ann, ["one"]), *SOUND, gateway="other")
    await house.work()
    assert (await house.row(id)).state == "pending"


async def test_deleted_while_it_waits_or_is_encoded(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    id = await house.recorded(ann, await conversation(sqlite, ann, ["one"]), *SOUND)

    async def delete_it() -> None:
        async with sqlite.writing() as session:
            await session.execute(delete(Conversation))

    house.blobs.after = delete_it
    await house.work()
    async with sqlite.reading() as session:
        (blob,) = await session.scalars(select(Blob))
    assert blob.state == "gone", "the sweeper of the blob store takes it"
    assert house.spool.recordings() == []
    assert id


async def test_of_a_try_that_was_broken_off_no_blob_stays(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    id = await house.recorded(ann, await conversation(sqlite, ann, ["one"]), *SOUND)

    async def die() -> None:
        raise StorageUnavailable("just before it was told")

    house.blobs.after = die
    with pytest.raises(ExceptionGroup):
        await house.work()
    house.blobs.after = None
    await house.work()
    async with sqlite.reading() as session:
        blobs = {row.key: row.state for row in await session.scalars(select(Blob))}
    assert sorted(blobs.values()) == ["gone", "ready"]
    assert blobs[(await house.row(id)).blob] == "ready"
