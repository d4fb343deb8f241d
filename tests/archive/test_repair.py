"""What a dead process left behind is put in order, and what lives is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from archive.people import NOON, Said, conversation, person
from archive.test_resumes import Gateway, snapshot
from vivavoce.archive.repair import Repair
from vivavoce.archive.resumes import ALIVE_MS
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.spool import Header, Spool
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Conversation, LiveSession, Recording, Turn, TurnIndex
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real

OPEN = Said("two", heard="so far", state="open", unheard=" and more")


class House:
    def __init__(self, database: Database, folder: Path, at: int = NOON + HOUR) -> None:
        self.database = database
        self.time = at
        self.spool = Spool(folder, 1 << 30, lambda: 1 << 40)
        self.repair = Repair(
            database,
            Plain(),
            self.spool,
            SearchIndex(database.dialect, words=True),
            gateway="g",
            clock=lambda: self.time,
            recording_days=30,
        )

    async def opened(self, owner: str, *turns: Said | str) -> str:
        """A conversation that is open, its last turn not in the index."""
        id = await conversation(self.database, owner, turns)
        async with self.database.writing() as session:
            await session.execute(
                update(Conversation).where(Conversation.id == id).values(state="open", ended_at=None, end_reason="")
            )
            unfinished = select(Turn.id).where(Turn.state == "open")
            await session.execute(delete(TurnIndex).where(TurnIndex.turn_id.in_(unfinished)))
        return id

    async def holds(self, name: str, owner: str, id: str, *, ago: int = 0) -> None:
        """That gateway holds a session with this conversation, and said so `ago` ms ago."""
        gateway = Gateway(name, self.database, MemoryBus())
        gateway.time = self.time - ago
        gateway.resumes.keep(snapshot(owner, id, session=new_id()))
        await gateway.resumes.flush()

    async def state(self, id: str) -> tuple[str, list[str]]:
        async with self.database.reading() as session:
            turns = await session.scalars(select(Turn.state).where(Turn.conversation_id == id).order_by(Turn.reply))
            return (await session.get_one(Conversation, id)).state, list(turns)

    async def recordings(self) -> dict[str, str]:
        async with self.database.reading() as session:
            return {row.id: row.state for row in await session.scalars(select(Recording))}

    def spooled(self, owner: str, id: str) -> str:
        recording = new_id()
        self.spool.begin(Header(recording, id, owner, "g", 16_000, NOON, sealed=False))
        self.spool.append(recording, [b"sound"])
        return recording

    async def row(self, owner: str, id: str, recording: str, state: str, gateway: str = "g") -> None:
        row = Recording(
            id=recording,
            conversation_id=id,
            owner_id=owner,
            state=state,
            gateway=gateway,
            created_at=NOON,
            expires_at=NOON,
        )
        async with self.database.writing() as session:
            session.add(row)


async def test_turns_of_our_own_former_life_fail_at_what_was_heard(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    id = await house.opened(ann, "one", OPEN)
    await house.holds("g", ann, id, ago=5000)
    await house.repair.at_start()
    assert await house.state(id) == ("open", ["done", "failed"]), "its client has a minute to come back"
    async with database.reading() as session:
        turn = (await session.scalars(select(Turn).where(Turn.state == "failed"))).one()
        assert (turn.heard, turn.unheard, turn.reason) == (b"so far", b" and more", "failed")
        assert len((await session.scalars(select(TurnIndex))).all()) == 2, "it is found"
    house.time += ALIVE_MS + 1
    await house.repair.sweep()
    assert (await house.state(id))[0] == "closed"
    async with database.reading() as session:
        row = await session.get_one(Conversation, id)
        assert (row.ended_at, row.end_reason) == (row.last_at, "gone")
        assert (await session.scalars(select(LiveSession))).all() == []


async def test_what_another_gateway_holds_is_left_alone_until_it_is_gone(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    alive, dead = await house.opened(ann, OPEN), await house.opened(ann, "one", OPEN)
    await house.holds("other", ann, alive, ago=5000)
    await house.holds("other", ann, dead, ago=ALIVE_MS + 1)
    await house.repair.at_start()
    assert await house.state(alive) == ("open", ["open"])
    assert await house.state(dead) == ("closed", ["done", "failed"])


async def test_one_that_has_just_begun_is_left_alone_by_the_sweep(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path, at=NOON + 60_000 + 1000)
    ann = await person(sqlite, "ann")
    id = await house.opened(ann, OPEN)
    await house.repair.sweep()
    assert await house.state(id) == ("open", ["open"]), "its session has no row yet"
    await house.repair.at_start()
    assert await house.state(id) == ("open", ["failed"]), "there was no session before the start"


async def test_more_than_go_into_one_transaction(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    async with sqlite.writing() as session:
        for _ in range(450):
            row = Conversation(
                id=new_id(), owner_id=ann, channel="web", kind="duplex", language="en", started_at=NOON, last_at=NOON
            )
            session.add(row)
    await house.repair.sweep()
    async with sqlite.reading() as session:
        assert set(await session.scalars(select(Conversation.state))) == {"closed"}


async def test_sound_that_was_spooled_is_to_be_stored(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    ann = await person(database, "ann")
    id = await conversation(database, ann, ["one"])
    known, unknown, stored, nobody_s = (house.spooled(ann, where) for where in (id, id, id, new_id()))
    await house.row(ann, id, known, "spooling")
    await house.row(ann, id, stored, "ready")
    (tmp_path / f"{new_id()}.sound").write_bytes(b"torn in its first bytes")
    without = new_id()
    await house.row(ann, id, without, "spooling")
    foreign = new_id()
    await house.row(ann, id, foreign, "spooling", gateway="other")
    await house.repair.at_start()
    assert await house.recordings() == {
        known: "pending",
        unknown: "pending",
        stored: "ready",
        without: "failed",
        foreign: "spooling",
    }
    assert house.spool.recordings() == sorted([known, unknown])
    assert nobody_s not in house.spool.recordings()


async def test_sound_of_what_was_deleted_goes(sqlite: Database, tmp_path: Path) -> None:
    house = House(sqlite, tmp_path)
    ann = await person(sqlite, "ann")
    id = await conversation(sqlite, ann, ["one"])
    kept, orphan, active = house.spooled(ann, id), house.spooled(ann, id), house.spooled(ann, id)
    await house.row(ann, id, kept, "pending")
    just_complete = house.spooled(ann, id)
    await house.repair.tidy({active})
    assert house.spool.recordings() == sorted([kept, orphan, active, just_complete])
    await house.row(ann, id, just_complete, "pending")
    await house.repair.tidy({active})
    assert house.spool.recordings() == sorted([kept, active, just_complete])
