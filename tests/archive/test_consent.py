"""Whose sound is kept: nobody's before their yes, everybody's no at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from sqlalchemy import update

from archive.people import person
from vivavoce import aio
from vivavoce.archive.consent import Consents
from vivavoce.conversation.outputs import Recorded
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.database import Database
from vivavoce.storage.models import User

pytestmark = pytest.mark.real


class Session:
    def __init__(self) -> None:
        self.told: list[tuple[Recorded, str]] = []
        self.changed = asyncio.Event()

    def record(self, state: Recorded, reason: str = "") -> None:
        self.told.append((state, reason))
        self.changed.set()

    async def news(self) -> tuple[Recorded, str]:
        async with asyncio.timeout(3):
            await self.changed.wait()
        self.changed.clear()
        return self.told[-1]


@asynccontextmanager
async def running(consents: Consents) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = aio.spawn(group, consents.run(), "consents")
        await asyncio.sleep(0)
        try:
            yield
        finally:
            await aio.settle(task)


async def answer(database: Database, owner: str, yes: bool | None) -> None:
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner).values(recording=yes))


@pytest.mark.parametrize(("said", "state"), [(None, "ask"), (True, "on"), (False, "off")])
async def test_as_they_said(sqlite: Database, said: bool | None, state: Recorded) -> None:
    ann, session = await person(sqlite, "ann"), Session()
    await answer(sqlite, ann, said)
    consents = Consents(sqlite, MemoryBus(), 30)
    assert consents.state(ann) == ("off", ""), "not before it is known"
    async with running(consents):
        consents.watch(ann, session)
        assert await session.news() == (state, "")
        again = Session()
        consents.watch(ann, again)
        assert again.told == [(state, "")], "it is known by now"


async def test_a_change_reaches_every_session_of_that_person(sqlite: Database) -> None:
    ann, bob, bus = await person(sqlite, "ann"), await person(sqlite, "bob"), MemoryBus()
    sessions, other = [Session(), Session()], Session()
    consents = Consents(sqlite, bus, 30)
    async with running(consents):
        for session in sessions:
            consents.watch(ann, session)
            assert await session.news() == ("ask", "")
        consents.watch(bob, other)
        await other.news()
        for yes, state in ((True, "on"), (False, "off")):
            await answer(sqlite, ann, yes)
            news = {"topic": "recording", "owner": ann, "kind": "changed", "id": ann, "data": {"recording": yes}}
            await bus.publish("live", msgspec.json.encode(news))
            for session in sessions:
                assert await session.news() == (state, "")
        consents.leave(ann, sessions[0])
        await answer(sqlite, ann, True)
        consents.changed(ann)
        assert await sessions[1].news() == ("on", "")
        assert sessions[0].told[-1] == ("off", "")
    assert [state for state, _ in other.told] == ["ask"]


async def test_other_news_and_nonsense_are_nothing(sqlite: Database) -> None:
    ann, bus, session = await person(sqlite, "ann"), MemoryBus(), Session()
    consents = Consents(sqlite, bus, 30)
    async with running(consents):
        consents.watch(ann, session)
        await session.news()
        await bus.publish("live", b'"recording"')
        await bus.publish("live", b'{"topic":"recording","owner":7}')
        await bus.publish("live", b'{"topic":"users","id":"recording"}')
        consents.changed("0" * 32)
        await answer(sqlite, ann, True)
        consents.changed(ann)
        assert await session.news() == ("on", "")


async def test_without_room_nobody_is_recorded_who_wants_to_be(sqlite: Database) -> None:
    ann, bob = await person(sqlite, "ann"), await person(sqlite, "bob")
    await answer(sqlite, ann, True)
    mine, other = Session(), Session()
    consents = Consents(sqlite, MemoryBus(), 30)
    async with running(consents):
        consents.watch(ann, mine)
        consents.watch(bob, other)
        await mine.news()
        await other.news()
        consents.room("disk_full")
        assert mine.told[-1] == ("paused", "disk_full")
        assert other.told[-1] == ("ask", "")
        consents.room("")
        assert mine.told[-1] == ("on", "")


async def test_where_no_sound_is_kept_nobody_is_asked(sqlite: Database) -> None:
    ann, session = await person(sqlite, "ann"), Session()
    await answer(sqlite, ann, True)
    consents = Consents(sqlite, MemoryBus(), 0)
    async with running(consents):
        consents.watch(ann, session)
        await asyncio.sleep(0.05)
    assert session.told == []
    assert consents.state(ann) == ("off", "")
