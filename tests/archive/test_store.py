"""Rows of the journal in the database: written again without harm, and never after they were deleted."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import delete, select

from archive.people import NOON, person
from vivavoce.archive.rows import Batch, ConversationRow, RecordingRow, TurnRow, merged
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.store import Store, made_at
from vivavoce.errors import Conflict
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Conversation, Deletion, Recording, Turn, TurnIndex
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real


def conversation(owner: str, id: str, *, new: bool = True, state: str = "open", turns: int = 1) -> ConversationRow:
    return ConversationRow(
        id=id,
        owner_id=owner,
        app_id="kitchen",
        app_version=2,
        channel="web",
        kind="duplex",
        language="en",
        state=state,
        title="what is this",
        turns=turns,
        cuts=0,
        response_ms=500,
        started_at=NOON,
        last_at=NOON,
        ended_at=None,
        end_reason="",
        new=new,
    )


def turn(owner: str, id: str, reply: int = 1, *, state: str = "open", heard: str = "") -> TurnRow:
    return TurnRow(
        conversation_id=id,
        owner_id=owner,
        reply=reply,
        state=state,
        reason="completed" if state == "done" else "",
        language="en",
        said="what is this",
        heard=heard,
        unheard="",
        typed=False,
        started_at=NOON,
        said_from_ms=0,
        said_to_ms=1000,
        heard_from_ms=1500,
        heard_to_ms=None,
        response_ms=500,
        stages={"queue_ms": 0},
        app_id="kitchen",
    )


def recording(owner: str, id: str, conversation: str, state: str = "spooling") -> RecordingRow:
    return RecordingRow(
        id=id,
        conversation_id=conversation,
        owner_id=owner,
        state=state,
        gateway="g",
        from_ms=0,
        duration_ms=0,
        created_at=NOON,
        expires_at=NOON + 1,
    )


def store(database: Database) -> Store:
    return Store(database, Plain(), SearchIndex(database.dialect, words=True))


async def turns(database: Database) -> list[tuple[int, str, bytes | None]]:
    async with database.reading() as session:
        rows = await session.execute(select(Turn.reply, Turn.state, Turn.heard).order_by(Turn.reply))
        return [(row.reply, row.state, row.heard) for row in rows]


async def count(database: Database, model: type) -> int:
    async with database.reading() as session:
        return len((await session.scalars(select(model))).all())


async def test_a_turn_grows_and_is_found_when_it_is_over(database: Database) -> None:
    ann, id = await person(database, "ann"), new_id()
    await store(database).write(Batch([conversation(ann, id)], [turn(ann, id)]))
    assert await turns(database) == [(1, "open", None)]
    assert await count(database, TurnIndex) == 0
    await store(database).write(Batch([], [turn(ann, id, heard="it")]))
    assert await turns(database) == [(1, "open", b"it")]
    over = Batch([conversation(ann, id, new=False, turns=7)], [turn(ann, id, state="done", heard="it is")])
    for _ in range(2):
        assert await store(database).write(over) == set()
    assert await turns(database) == [(1, "done", b"it is")]
    assert await count(database, TurnIndex) == 1
    async with database.reading() as session:
        row = await session.get_one(Conversation, id)
    assert (row.turns, row.title, row.app_version) == (7, b"what is this", 2)


async def test_a_turn_that_is_over_is_not_opened_again(database: Database) -> None:
    ann, id = await person(database, "ann"), new_id()
    await store(database).write(Batch([conversation(ann, id)], [turn(ann, id, state="failed", heard="it")]))
    await store(database).write(Batch([], [turn(ann, id, heard="i")]))
    assert await turns(database) == [(1, "failed", b"it")]
    await store(database).write(Batch([], [turn(ann, id, state="done", heard="it is")]))
    assert await turns(database) == [(1, "done", b"it is")]


async def test_many_at_once(database: Database) -> None:
    ann = await person(database, "ann")
    ids = [new_id() for _ in range(30)]
    batch = Batch(
        [conversation(ann, id) for id in ids], [turn(ann, id, reply, state="done") for id in ids for reply in (1, 2)]
    )
    await store(database).write(batch)
    assert await count(database, TurnIndex) == 60


async def test_what_was_deleted_is_not_made_again(database: Database) -> None:
    ann, id, other = await person(database, "ann"), new_id(), new_id()
    await store(database).write(Batch([conversation(ann, id)], [turn(ann, id)]))
    async with database.writing() as session:
        await session.execute(delete(Conversation))
    batch = Batch(
        [conversation(ann, id, new=False), conversation(ann, other)],
        [turn(ann, id), turn(ann, other)],
        [recording(ann, new_id(), id)],
    )
    with pytest.raises(Conflict):
        await store(database).write(batch)
    assert await store(database).write(batch, doubtful=True) == {id}
    assert await turns(database) == [(1, "open", None)]
    assert await count(database, Recording) == 0
    await store(database).write(Batch([conversation(ann, id, new=False)]))
    assert await count(database, Conversation) == 1


@pytest.mark.parametrize("kind", ["conversation", "history"])
async def test_rows_that_come_late_heed_the_journal_of_deletions(database: Database, kind: str) -> None:
    ann, id = await person(database, "ann"), new_id()
    async with database.writing() as session:
        deleted = id if kind == "conversation" else ann
        session.add(Deletion(kind=kind, object_id=deleted, at=made_at(id) + 1))
    assert await store(database).write(Batch([conversation(ann, id)], [turn(ann, id)]), late=True) == {id}
    later = f"{made_at(id) + 10:012x}{id[12:]}"
    assert await store(database).write(Batch([conversation(ann, later)]), late=True) == set()


async def test_a_person_who_is_gone_is_a_conflict(database: Database) -> None:
    id = new_id()
    with pytest.raises(Conflict):
        await store(database).write(Batch([conversation("0" * 32, id)], [turn("0" * 32, id)]))
    assert await turns(database) == []


async def test_a_conversation_stays_its_owner_s(database: Database) -> None:
    ann, bob, id = await person(database, "ann"), await person(database, "bob"), new_id()
    await store(database).write(Batch([conversation(ann, id)]))
    await store(database).write(Batch([conversation(bob, id, turns=99)]))
    async with database.reading() as session:
        row = await session.get_one(Conversation, id)
    assert (row.owner_id, row.turns) == (ann, 1)


async def test_what_waited_here_does_not_undo_what_another_process_wrote(database: Database) -> None:
    ann, id, here = await person(database, "ann"), new_id(), store(database)
    await here.write(Batch([conversation(ann, id, turns=2)]))
    await here.write(Batch([conversation(ann, id, new=False, state="closed", turns=3)]))
    for late in (conversation(ann, id, new=False, turns=2), conversation(ann, id, turns=3)):
        await here.write(Batch([late]), late=True)
        async with database.reading() as session:
            row = await session.get_one(Conversation, id)
        assert (row.state, row.turns) == ("closed", 3)
    await here.write(Batch([conversation(ann, id, new=False, turns=4)]))
    async with database.reading() as session:
        row = await session.get_one(Conversation, id)
    assert (row.state, row.turns) == ("open", 4), "and somebody goes on with it"


async def test_a_recording_goes_forward_only(database: Database) -> None:
    ann, id, sound = await person(database, "ann"), new_id(), new_id()
    await store(database).write(Batch([conversation(ann, id)], [], [recording(ann, sound, id)]))
    await store(database).write(Batch([], [], [recording(ann, sound, id, "pending")]))
    async with database.writing() as session:
        (await session.get_one(Recording, sound)).state = "ready"
    await store(database).write(Batch([], [], [recording(ann, sound, id, "spooling")]))
    async with database.reading() as session:
        assert (await session.get_one(Recording, sound)).state == "ready"


def test_a_batch_of_one_conversation() -> None:
    batch = Batch([conversation("a", "1"), conversation("a", "2")], [turn("a", "1"), turn("a", "3")])
    assert batch.ids() == {"1", "2", "3"}
    assert batch.of("1") == Batch([conversation("a", "1")], [turn("a", "1")])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch
    assert not Batch()


def test_of_several_rows_of_one_thing_the_last_counts() -> None:
    first = Batch([conversation("a", "1"), conversation("a", "2", new=False)], [turn("a", "1", heard="one")])
    second = Batch(
        [conversation("a", "1", new=False, turns=5)],
        [turn("a", "1", heard="one two"), turn("a", "1", 2, heard="three")],
    )
    (one,) = merged([first, second], 100)
    assert one.conversations == [conversation("a", "1", turns=5), conversation("a", "2", new=False)]
    assert [row.heard for row in one.turns] == ["one two", "three"]
    assert len(list(merged([first, second], 1))) == 2
    assert list(merged([], 1)) == []
