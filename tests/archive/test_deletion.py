from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import select, text

from archive.library import Library, library
from archive.people import NOON, conversation, person, recording
from vivavoce.archive.deletion import AT_ONCE
from vivavoce.errors import Conflict, Missing
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import (
    Blob,
    Conversation,
    DataKey,
    Deletion,
    LiveSession,
    Recording,
    Share,
    Turn,
    TurnIndex,
)

pytestmark = pytest.mark.real

SOUND = b"OggS" + bytes(1_000)


@pytest.fixture
async def kept(database: Database) -> AsyncGenerator[Library, None]:
    async with library(database) as opened:
        yield opened


async def rows(kept: Library, *tables: type) -> list[int]:
    async with kept.database.reading() as session:
        return [len((await session.scalars(select(table))).all()) for table in tables]


async def test_everything_of_a_conversation_goes_and_nothing_else(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    gone = await conversation(kept.database, ada, ["my secret", "another"])
    stays = await conversation(kept.database, ada, ["weather"], at=NOON + HOUR)
    await recording(kept.database, kept.blobs, gone, ada, SOUND)
    await recording(kept.database, kept.blobs, stays, ada, SOUND)
    await kept.reading.shares.create(kept.actor(ada), gone, 7)
    async with kept.database.writing() as session:
        for one in (gone, stays):
            session.add(_live(one, ada))
            session.add(_data_key(one))
    receipt = await kept.reading.deletions.conversation(kept.actor(ada), gone)
    assert (receipt.conversations, receipt.turns, receipt.recordings, receipt.shares) == (1, 2, 1, 1)
    assert receipt.recording_bytes == len(SOUND)
    tables = (Conversation, Turn, TurnIndex, Recording, LiveSession, DataKey, Share)
    assert await rows(kept, *tables) == [1, 1, 1, 1, 1, 1, 0]
    assert len([key async for key in kept.stored.keys("recordings")]) == 2
    await kept.reading.sweeper.sweep()
    assert len([key async for key in kept.stored.keys("recordings")]) == 1
    assert await rows(kept, Blob) == [1]


async def test_nothing_of_it_is_left_in_the_full_text(sqlite: Database) -> None:
    async with library(sqlite) as kept:
        ada = await person(sqlite, "ada")
        gone = await conversation(sqlite, ada, ["my secret"])
        await kept.reading.deletions.conversation(kept.actor(ada), gone)
        for _ in range(3):
            await kept.reading.sweeper.sweep()
        async with sqlite.writing() as session:
            await session.execute(text("INSERT INTO turn_search(turn_search) VALUES ('integrity-check')"))
            await session.execute(text("CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'turn_search', 'row')"))
            assert (await session.execute(text("SELECT count(*) FROM temp.terms"))).scalar() == 0


async def test_somebody_elses_is_missing_and_stays(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    hers = await conversation(kept.database, ada, ["my secret"])
    with pytest.raises(Missing):
        await kept.reading.deletions.conversation(kept.actor(bob), hers)
    assert await rows(kept, Conversation, Deletion) == [1, 0]


async def test_a_deletion_that_was_stopped_in_the_middle_goes_on(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    for hour in range(4):
        await conversation(kept.database, ada, ["tea"], at=NOON + hour * HOUR)
    await conversation(kept.database, bob, ["tea"])
    kept.clock.now = NOON + DAY
    # The journal's row is there, and the process died before the first conversation was gone.
    async with kept.database.writing() as session:
        session.add(Deletion(kind="history", object_id=ada, at=kept.clock()))
    later = await conversation(kept.database, ada, ["after all that"], at=NOON + 2 * DAY)
    kept.clock.now = NOON + 3 * DAY
    await kept.reading.sweeper.sweep()
    async with kept.database.reading() as session:
        left = set(await session.scalars(select(Conversation.owner_id)))
        mine = list(await session.scalars(select(Conversation.id).where(Conversation.owner_id == ada)))
    assert left == {ada, bob}
    assert mine == [later]


async def test_a_person_takes_keys_and_numbers_along(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    for owner in (ada, bob):
        mine = await conversation(kept.database, owner, ["tea"])
        await recording(kept.database, kept.blobs, mine, owner, SOUND)
        async with kept.database.writing() as session:
            session.add(_data_key(mine))
    kept.clock.now = NOON + 2 * DAY
    await kept.reading.statistics.roll()
    async with kept.database.writing() as session:
        await kept.reading.deletions.of_person(session, ada)
    assert await rows(kept, Conversation, TurnIndex, DataKey) == [1, 1, 1]
    async with kept.database.reading() as session:
        assert list(await session.scalars(select(Blob.state).order_by(Blob.key))) == ["gone", "ready"]
    assert await kept.reading.statistics.activity(ada, NOON, NOON + DAY, "day") == []
    assert len(await kept.reading.statistics.activity(bob, NOON, NOON + DAY, "day")) == 1


async def test_more_than_a_transaction_holds_goes_first(sqlite: Database) -> None:
    async with library(sqlite) as kept:
        ada = await person(sqlite, "ada")
        async with sqlite.writing() as session:
            session.add_all([_bare(ada, number) for number in range(AT_ONCE + 1)])
        with pytest.raises(Conflict) as refused:
            async with sqlite.writing() as session:
                await kept.reading.deletions.of_person(session, ada)
        assert refused.value.code == "history_first"
        await kept.reading.deletions.everything(kept.actor(ada), ada)
        assert await rows(kept, Conversation) == [0]


async def test_it_is_one_transaction(kept: Library) -> None:
    """Where it cannot be told in the audit, nothing has happened."""
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    kept.audit.broken = True
    with contextlib.suppress(RuntimeError):
        await kept.reading.deletions.conversation(kept.actor(ada), mine)
    assert await rows(kept, Conversation, Turn, TurnIndex, Deletion) == [1, 1, 1, 0]


async def test_people_who_look_on_are_told_without_a_word(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["my secret"])
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with kept.bus.subscribe("live", lambda news: heard.put_nowait(news.payload)):
        await kept.reading.deletions.conversation(kept.actor(ada), mine)
        told = json.loads(await heard.get())
    assert told == {"topic": "conversations", "owner": ada, "kind": "deleted", "id": mine, "data": {}}


def _bare(owner: str, number: int) -> Conversation:
    return Conversation(
        id=f"{number:032x}",
        owner_id=owner,
        channel="web",
        kind="duplex",
        language="en",
        state="ended",
        started_at=NOON,
        last_at=NOON,
    )


def _live(conversation_id: str, owner: str) -> LiveSession:
    return LiveSession(
        owner_id=owner,
        id=f"session-{conversation_id}",
        conversation_id=conversation_id,
        gateway="here",
        kind="duplex",
        token_hash=b"",
        snapshot=b"",
        seen_at=NOON,
    )


def _data_key(conversation_id: str) -> DataKey:
    return DataKey(
        id=conversation_id,
        scope=f"conversation:{conversation_id}",
        kek="k",
        wrapped=b"",
        created_at=NOON + MINUTE,
    )
