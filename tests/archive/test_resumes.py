"""Sessions that go on in another process: one at a time, with everything, and not for strangers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from archive.people import NOON, Said, conversation, person
from archive.test_ledger import Masked
from vivavoce import aio
from vivavoce.archive.news import News
from vivavoce.archive.reading_back import Past
from vivavoce.archive.resumes import ALIVE_MS, Holding, StoredResumes
from vivavoce.conversation.skills import Timer
from vivavoce.conversation.snapshot import Snapshot, digest
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused, StorageError
from vivavoce.inference.ports import ChatMessage
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Conversation, Deletion, LiveSession, Turn
from vivavoce.storage.sealing import Plain, Sealer

pytestmark = pytest.mark.real


class Gateway:
    """One process's."""

    def __init__(self, name: str, database: Database, bus: MemoryBus, sealer: Sealer | None = None) -> None:
        self.time = NOON
        self.let_go: list[tuple[str, str]] = []
        self.bus = bus
        self.news = News(bus)
        holding = Holding(name, lambda owner, id: self.let_go.append((owner, id)))
        sealer = sealer or Plain()
        past = Past(database, sealer)
        self.resumes = StoredResumes(database, sealer, past, self.news, lambda: self.time, holding)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            works = [aio.spawn(group, self.resumes.run(self.bus), "resumes"), aio.spawn(group, self.news.run(), "news")]
            await asyncio.sleep(0)
            try:
                yield
            finally:
                for work in works:
                    await aio.settle(work)


def snapshot(owner: str, id: str, session: str = "session-1", token: str = "token") -> Snapshot:
    return Snapshot(
        SessionSpec(session, owner=owner, language="en", app="kitchen", skills=frozenset({"clock"})),
        id,
        digest(token),
        (ChatMessage("user", "what is this"), ChatMessage("assistant", "a test—")),
        replies=3,
        volume=40,
        facts=("ann likes tea",),
        timers=(Timer(1, 300, "tea", datetime(2025, 11, 24, 16, tzinfo=UTC)),),
        last_reply="a test",
    )


async def sessions(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        rows = await session.execute(select(LiveSession.id, LiveSession.gateway).order_by(LiveSession.id))
        return [(row.id, row.gateway) for row in rows]


async def test_another_process_takes_it_whole(database: Database) -> None:
    ann, id, bus = await person(database, "ann"), new_id(), MemoryBus()
    one, two = (Gateway(name, database, bus, Masked()) for name in ("one", "two"))
    kept = snapshot(ann, id)
    one.resumes.keep(kept)
    await one.resumes.flush()
    async with database.reading() as session:
        assert b"tea" not in (await session.scalars(select(LiveSession.snapshot))).one()
    assert await two.resumes.take(ann, "session-1", "duplex", "token") == kept
    assert await sessions(database) == [("session-1", "two")]


@pytest.mark.parametrize(
    ("owner", "session", "kind", "token"),
    [
        ("bob", "session-1", "duplex", "token"),
        ("ann", "session-2", "duplex", "token"),
        ("ann", "session-1", "streaming", "token"),
        ("ann", "session-1", "duplex", "guess"),
    ],
)
async def test_nobody_else_does(sqlite: Database, owner: str, session: str, kind: str, token: str) -> None:
    people = {"ann": await person(sqlite, "ann"), "bob": await person(sqlite, "bob")}
    gateway = Gateway("one", sqlite, MemoryBus())
    gateway.resumes.keep(snapshot(people["ann"], new_id()))
    await gateway.resumes.flush()
    assert await gateway.resumes.take(people[owner], session, kind, token) is None


async def test_of_many_who_try_one_succeeds(database: Database) -> None:
    ann, id, bus = await person(database, "ann"), new_id(), MemoryBus()
    gateways = [Gateway(str(number), database, bus) for number in range(6)]
    gateways[0].resumes.keep(snapshot(ann, id))
    await gateways[0].resumes.flush()
    tries = [gateway.resumes.take(ann, "session-1", "duplex", "token") for gateway in gateways]
    taken = [found for found in await asyncio.gather(*tries) if found is not None]
    assert len(taken) == 1


async def test_the_one_that_held_it_lets_go_at_once_and_does_not_write_over_it(database: Database) -> None:
    ann, id, bus = await person(database, "ann"), new_id(), MemoryBus()
    one, two = Gateway("one", database, bus), Gateway("two", database, bus)
    async with one.running(), two.running():
        one.resumes.keep(snapshot(ann, id))
        await one.resumes.flush()
        await two.resumes.take(ann, "session-1", "duplex", "token")
        async with asyncio.timeout(1):
            while not one.let_go:  # noqa: ASYNC110 — the news come through the loop
                await asyncio.sleep(0.01)
    assert one.let_go == [(ann, "session-1")]
    assert two.let_go == []


async def test_without_news_it_sees_it_at_its_next_write(database: Database) -> None:
    ann, id = await person(database, "ann"), new_id()
    for sees in ("keep", "beat"):
        one, two = Gateway("one", database, MemoryBus()), Gateway("two", database, MemoryBus())
        one.resumes.keep(snapshot(ann, id, token=sees))
        await one.resumes.flush()
        await two.resumes.take(ann, "session-1", "duplex", sees)
        if sees == "keep":
            one.resumes.keep(snapshot(ann, id, token="stale"))
            await one.resumes.flush()
        else:
            await one.resumes.beat()
        assert one.let_go == [(ann, "session-1")]
        assert await sessions(database) == [("session-1", "two")]
        one.resumes.drop(ann, "session-1")
        await one.resumes.flush()
        assert await sessions(database) == [("session-1", "two")], "it is not ours to delete"
        two.resumes.drop(ann, "session-1")
        await two.resumes.flush()
        assert await sessions(database) == []


async def test_it_is_kept_for_a_minute_after_the_last_sign_of_life(sqlite: Database) -> None:
    ann, id, bus = await person(sqlite, "ann"), new_id(), MemoryBus()
    one, two = Gateway("one", sqlite, bus), Gateway("two", sqlite, bus)
    one.resumes.keep(snapshot(ann, id))
    await one.resumes.flush()
    one.time += ALIVE_MS
    await one.resumes.beat()
    two.time = one.time + ALIVE_MS + 1
    assert await two.resumes.take(ann, "session-1", "duplex", "token") is None
    two.time = one.time + 60_000
    assert await two.resumes.take(ann, "session-1", "duplex", "token") is not None


async def test_a_turn_that_was_open_ends_at_what_was_heard_last(database: Database) -> None:
    ann = await person(database, "ann")
    id = await conversation(database, ann, ["one", Said("two", heard="so far", state="open", unheard=" and more")])
    one, two = Gateway("one", database, MemoryBus()), Gateway("two", database, MemoryBus())
    one.resumes.keep(snapshot(ann, id))
    await one.resumes.flush()
    await two.resumes.take(ann, "session-1", "duplex", "token")
    async with database.reading() as session:
        states = [(turn.state, turn.heard) for turn in await session.scalars(select(Turn).order_by(Turn.reply))]
    assert states == [("done", b"fine"), ("failed", b"so far")]
    known = two.resumes.known[id]
    assert known.position == 64_000 * 16
    assert (known.conversation.turns, known.conversation.new, known.conversation.title) == (2, False, "one")
    assert list(known.conversation.responses) == [500, 500]


async def test_an_old_conversation_goes_on_with_what_was_said_and_heard(database: Database) -> None:
    ann, bob = await person(database, "ann"), await person(database, "bob")
    said = ["one", Said("two", heard="cut he", reason="interrupted", unheard="re")]
    id = await conversation(database, ann, said)
    gateway = Gateway("one", database, MemoryBus())
    found = await gateway.resumes.recall(ann, id)
    assert found is not None
    assert [message.text for message in found.messages] == ["one", "fine", "two", "cut he—"]
    assert (found.conversation, found.replies, found.last_reply) == (id, 2, "cut he")
    assert await gateway.resumes.recall(bob, id) is None
    assert await gateway.resumes.recall(ann, new_id()) is None
    gateway.resumes.keep(snapshot(ann, id))
    await gateway.resumes.flush()
    with pytest.raises(Refused) as refusal:
        await gateway.resumes.recall(ann, id)
    assert refusal.value.code == "session_in_use"


async def test_a_new_session_of_the_same_id_takes_the_place_of_the_old_one(database: Database) -> None:
    ann, bus = await person(database, "ann"), MemoryBus()
    one, two = Gateway("one", database, bus), Gateway("two", database, bus)
    one.resumes.keep(snapshot(ann, new_id()))
    await one.resumes.flush()
    two.resumes.keep(snapshot(ann, new_id(), token="other"))
    await two.resumes.flush()
    await one.resumes.beat()
    assert one.let_go == [(ann, "session-1")]
    assert await two.resumes.take(ann, "session-1", "duplex", "token") is None
    assert await two.resumes.take(ann, "session-1", "duplex", "other") is not None


async def test_nothing_is_kept_of_what_was_deleted(database: Database) -> None:
    ann, gateway = await person(database, "ann"), Gateway("one", database, MemoryBus())
    id = new_id()
    gateway.resumes.keep(snapshot(ann, id))
    await gateway.resumes.flush()
    async with database.writing() as session:
        await session.execute(delete(LiveSession))
        session.add(Deletion(kind="conversation", object_id=id, at=NOON))
    gateway.resumes.keep(snapshot(ann, id))
    await gateway.resumes.flush()
    await gateway.resumes.beat()
    assert await sessions(database) == []
    assert gateway.let_go == [], "the conversation itself goes on"


async def test_what_is_damaged_is_an_error(sqlite: Database) -> None:
    ann, gateway = await person(sqlite, "ann"), Gateway("one", sqlite, MemoryBus())
    gateway.resumes.keep(snapshot(ann, new_id()))
    await gateway.resumes.flush()
    async with sqlite.writing() as session:
        await session.execute(update(LiveSession).values(snapshot=b"{"))
    with pytest.raises(StorageError):
        await gateway.resumes.take(ann, "session-1", "duplex", "token")


async def test_a_person_who_was_deleted_does_not_hold_up_the_others(sqlite: Database) -> None:
    ann, gateway = await person(sqlite, "ann"), Gateway("one", sqlite, MemoryBus())
    gateway.resumes.keep(snapshot("0" * 32, new_id()))
    gateway.resumes.keep(snapshot(ann, new_id()))
    await gateway.resumes.flush()
    await gateway.resumes.flush()
    assert await sessions(sqlite) == [("session-1", "one")]


async def test_a_session_s_own_id_is_nothing_to_another_owner(database: Database) -> None:
    ann, bob, bus = await person(database, "ann"), await person(database, "bob"), MemoryBus()
    gateway = Gateway("one", database, bus)
    for owner in (ann, bob):
        gateway.resumes.keep(replace(snapshot(owner, new_id())))
    await gateway.resumes.flush()
    assert len(await sessions(database)) == 2
    async with database.reading() as session:
        assert (await session.scalars(select(Conversation))).all() == []
