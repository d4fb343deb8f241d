"""The writing side as a whole: from a session to rows and a file of sound, through deaths of the process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from archive import killed
from archive.people import person
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.writing import Options, Parts, Writing, open_writing
from vivavoce.conversation.outputs import (
    Output,
    Prepared,
    RecordingChanged,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    Stopped,
)
from vivavoce.conversation.snapshot import Snapshot, digest
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.blobs import BlobIndex, remote
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import News
from vivavoce.storage.database import Database
from vivavoce.storage.models import Blob, Conversation, Recording, Turn, User
from vivavoce.storage.sealing import Plain
from vivavoce.testing.rehearsal import Rehearsal

pytestmark = pytest.mark.real

FRAME = b"\1\0" * 320
PREPARED = Prepared("s", "t", "cascade", 16_000, ("en",), ("en",), {})


class House:
    """An archive with everything but sessions."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.bus = MemoryBus()
        self.blobs = remote.memory()
        self.free = 1 << 40
        self.parts = Parts(
            database, BlobIndex(database, self.blobs), self.bus, Plain(), SearchIndex(database.dialect, words=True)
        )
        self.options = Options(folder=folder, gateway="g", free=lambda: self.free)
        self.told: list[Output] = []
        self.news: list[bytes] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Writing]:
        async with (
            open_writing(self.parts, self.options) as archive,
            self.bus.subscribe("live", lambda news: self._heard(news)),
        ):
            yield archive

    def _heard(self, news: News) -> None:
        self.news.append(news.payload)

    async def allow(self, owner: str, yes: bool) -> None:
        async with self.database.writing() as session:
            await session.execute(update(User).where(User.id == owner).values(recording=yes))

    async def rows(self, model: type) -> list[object]:
        async with self.database.reading() as session:
            return list(await session.scalars(select(model)))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 — files, threads and processes tell nobody
                await asyncio.sleep(0.02)

    async def until_row(self, model: type, **values: object) -> None:
        async with asyncio.timeout(15):
            while not await self._has(model, values):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _has(self, model: type, values: dict[str, object]) -> bool:
        rows = await self.rows(model)
        return any(all(getattr(row, name) == value for name, value in values.items()) for row in rows)


async def turn(observer: object, reply: int = 1) -> None:
    """One turn, a tenth of a second long."""
    output = observer.output  # type: ignore[attr-defined]
    for _ in range(10):
        observer.heard(FRAME)  # type: ignore[attr-defined]
    output(ReplyStarted(reply, reply, "what is this"))
    output(ReplyText(reply, "A test.", 0))
    output(ReplyAudio(reply, 0, FRAME * 5))
    await asyncio.sleep(0.1)
    output(ReplyDone(reply, "completed", 100, "A test."))


async def test_a_conversation_of_somebody_who_said_yes(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    await house.allow(ann, True)
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s", output_rate=16_000, owner=ann), None, house.told.append)
        observer.output(PREPARED)
        await house.until(lambda: RecordingChanged("on") in house.told)
        assert observer.kept.recording == "on"
        await turn(observer)
        await house.until_row(Conversation, id=observer.conversation, state="open")
        observer.ended(Stopped("stopped"))
        await house.until_row(Recording, state="ready")
        await house.until_row(Conversation, state="closed", turns=1)
    (row,) = await house.rows(Turn)
    assert isinstance(row, Turn)
    assert (row.state, row.said, row.heard) == ("done", b"what is this", b"A test.")
    keys = [key async for key in house.blobs.keys("")]
    assert len(keys) == 1
    assert b"".join([part async for part in house.blobs.get(keys[0])]).startswith(b"OggS")
    assert any(b'"created"' in news and b"what is this" not in news for news in house.news)
    assert not any(b"test" in news for news in house.news)


async def test_of_guests_nothing_is_kept(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s"), None, house.told.append)
        assert observer.conversation == ""
        await turn(observer)
        observer.ended(Stopped("stopped"))
    assert await house.rows(Conversation) == []


async def test_consent_withdrawn_and_room_gone_stop_it_at_once(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s", output_rate=16_000, owner=ann), None, house.told.append)
        observer.output(PREPARED)
        await house.until(lambda: observer.kept.recording == "ask")
        await turn(observer)
        await asyncio.sleep(0.6)
        assert archive.spool.recordings() == [], "nobody said yes"
        await house.allow(ann, True)
        archive.consents.changed(ann)
        await house.until(lambda: observer.kept.recording == "on")
        await turn(observer, 2)
        house.free = 1 << 20
        await house.until(lambda: observer.kept.recording == "paused")
        assert house.told[-1] == RecordingChanged("paused", "disk_full")
        await turn(observer, 3)
        await house.allow(ann, False)
        archive.consents.changed(ann)
        await house.until(lambda: observer.kept.recording == "off")
        await house.until_row(Recording, state="ready")
        assert len(await house.rows(Recording)) == 1
        assert len(await house.rows(Turn)) == 3, "the words are kept all the same"


async def test_a_conversation_that_is_deleted_while_it_goes_on(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    await house.allow(ann, True)
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s", output_rate=16_000, owner=ann), None, house.told.append)
        observer.output(PREPARED)
        await house.until(lambda: observer.kept.recording == "on")
        await turn(observer)
        await house.until_row(Turn, state="done")
        async with sqlite.writing() as session:
            await session.execute(delete(Conversation))
        await turn(observer, 2)
        await house.until(lambda: observer.conversation == "")
        await turn(observer, 3)
        observer.ended(Stopped("stopped"))
        await house.until(lambda: archive.spool.recordings() == [])
    for model in (Conversation, Turn, Recording, Blob):
        assert await house.rows(model) == []


async def test_deleted_while_nobody_speaks_it_is_recorded_no_longer(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    await house.allow(ann, True)
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s", output_rate=16_000, owner=ann), None, house.told.append)
        observer.output(PREPARED)
        await house.until(lambda: observer.kept.recording == "on")
        await turn(observer)
        await house.until_row(Turn, state="done")
        id = observer.conversation
        for news in (
            f'{{"topic":"conversations","kind":"deleted","owner":"{"b" * 32}","id":"{id}"}}',
            f'{{"topic":"conversations","kind":"deleted","owner":"{ann}","id":""}}',
            '"deleted"',
        ):
            await house.bus.publish("live", news.encode())
        await asyncio.sleep(0)
        assert observer.conversation == id, "somebody else's, and one that has just begun, go on"
        async with sqlite.writing() as session:
            await session.execute(delete(Conversation))
        news = f'{{"topic":"conversations","kind":"deleted","owner":"{ann}","id":"{id}"}}'
        await house.bus.publish("live", news.encode())
        await house.until(lambda: observer.kept.recording == "off")
        await house.until(lambda: archive.spool.recordings() == [])
        observer.ended(Stopped("stopped"))


async def test_leaving_writes_what_was_said_last(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    async with house.open() as archive:
        observer = archive.observe(SessionSpec("s", output_rate=16_000, owner=ann), None, house.told.append)
        await turn(observer)
        observer.ended(Stopped("stopped"))
    (row,) = await house.rows(Conversation)
    assert isinstance(row, Conversation)
    assert (row.state, row.turns) == ("closed", 1)


async def test_kill_9_at_any_moment(sqlite_url: str, tmp_path: Path) -> None:
    """No committed turn lost, no half turn shown, no orphan kept."""
    async with Database.open(sqlite_url) as database:
        ann, bob = await person(database, "ann"), await person(database, "bob")
        async with database.writing() as session:
            await session.execute(update(User).where(User.id == ann).values(recording=True))
    spool = tmp_path / "spool"
    said, done = await _lives(20, sqlite_url, spool, ann, bob)
    assert len(said) > 100
    assert len(done) > 50
    async with Database.open(sqlite_url) as database:
        house = House(database, spool)
        house.options = killed.options(spool)
        async with house.open() as archive:
            await archive.repair.sweep()
            kept = {(row.conversation_id, row.reply): row for row in await house.rows(Turn)}  # type: ignore[attr-defined]
            assert said <= kept.keys()
            assert all(kept[turn].state == "done" for turn in done)
            for (_, reply), row in kept.items():
                assert row.state != "open"
                assert row.said == f"question {reply}".encode()
                assert killed.REPLY.startswith((row.heard or b"").decode())
            await house.until(lambda: not archive.spool.recordings())
        recordings = await house.rows(Recording)
        conversations = {row.id for row in await house.rows(Conversation)}  # type: ignore[attr-defined]
        blobs = {row.key for row in await house.rows(Blob) if row.state == "ready"}  # type: ignore[attr-defined]
    assert {conversation for conversation, _ in kept} == conversations
    assert recordings
    assert {row.state for row in recordings} <= {"ready", "failed"}  # type: ignore[attr-defined]
    assert {row.blob for row in recordings if row.state == "ready"} == blobs  # type: ignore[attr-defined]


Turns = set[tuple[str, int]]


async def _lives(count: int, url: str, folder: Path, *owners: str) -> tuple[Turns, Turns]:
    """What was promised by processes before each of them was killed."""
    dice = random.Random(7)
    promised: dict[str, Turns] = {"said": set(), "done": set()}
    path = os.pathsep.join(sys.path)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *(killed.__file__, url, str(folder), *owners),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for life in range(count):
            child.stdin.write(b"live\n")
            pid = 0
            while (line := (await child.stdout.readline()).decode().split()) != ["dead"]:
                match line:
                    case ["pid", number]:
                        pid = int(number)
                        if life % 5 == 4:  # in the middle of its start, too
                            asyncio.get_running_loop().call_later(dice.uniform(0.01, 0.2), os.kill, pid, signal.SIGKILL)
                    case ["up"] if life % 5 != 4:
                        asyncio.get_running_loop().call_later(dice.uniform(0.2, 2.5), os.kill, pid, signal.SIGKILL)
                    case [what, conversation, reply]:
                        promised[what].add((conversation, int(reply)))
                    case []:
                        raise AssertionError("the child broke")
    finally:
        child.kill()
        await child.wait()
    return promised["said"], promised["done"]


async def test_a_conversation_goes_on_in_another_process(database: Database, tmp_path: Path) -> None:
    one, two = House(database, tmp_path / "one"), House(database, tmp_path / "two")
    two.bus = one.bus
    two.parts = replace(two.parts, bus=one.bus)
    two.options = replace(two.options, gateway="h")
    ann = await person(database, "ann")
    spec = SessionSpec("session-1", output_rate=16_000, owner=ann)
    async with one.open() as here, two.open() as there:
        first = here.observe(spec, None, one.told.append)
        await turn(first)
        first.output(ReplyStarted(2, 2, "and then"))
        first.output(ReplyText(2, "It was never heard.", 0))
        here.resumes.keep(Snapshot(spec, first.conversation, digest("token"), replies=2))
        await one.until_row(Turn, reply=2, state="open")
        await here.resumes.flush()
        snapshot = await there.resumes.take(ann, "session-1", "duplex", "token")
        assert snapshot is not None
        second = there.observe(spec, snapshot, two.told.append)
        assert second.conversation == first.conversation
        await turn(second, 3)
        second.ended(Stopped("stopped"))
        await two.until_row(Turn, reply=3, state="done")
    rows = sorted(await one.rows(Turn), key=lambda row: row.reply)  # type: ignore[attr-defined]
    assert [(row.reply, row.state) for row in rows] == [(1, "done"), (2, "failed"), (3, "done")]  # type: ignore[attr-defined]
    assert rows[2].heard_from_ms >= rows[0].heard_to_ms  # type: ignore[attr-defined]
    (row,) = await one.rows(Conversation)
    assert isinstance(row, Conversation)
    assert (row.state, row.turns) == ("closed", 3)


async def test_when_nothing_more_can_be_kept_the_conversations_end_and_say_why(
    sqlite: Database, tmp_path: Path
) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    async with house.open() as archive:
        spec = SessionSpec("s", output_rate=16_000, owner=ann)
        async with Rehearsal(spec=spec, observe=archive.observe, resumes=archive.resumes) as play:
            archive.attach(play.sessions)
            await turn(archive.observe(replace(spec, session_id="other"), None, house.told.append))
            archive._lost()
            assert play.session.over
            assert play.problems() == ["storage_unavailable"]
