from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import select, update

from archive.library import Library, library
from archive.people import NOON, conversation, person, recording
from vivavoce.archive.leases import Leases
from vivavoce.archive.retention import LEASE, Kept, Sweeper
from vivavoce.errors import StorageUnavailable
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, Recording, Share

pytestmark = pytest.mark.real


@pytest.fixture
async def kept(database: Database) -> AsyncGenerator[Library, None]:
    async with library(database) as opened:
        yield opened


async def sounds(kept: Library) -> dict[str, str]:
    async with kept.database.reading() as session:
        return {row.id: row.state for row in await session.scalars(select(Recording))}


async def test_words_go_by_their_age(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    await conversation(kept.database, ada, ["old"], at=NOON - 366 * DAY)
    young = await conversation(kept.database, ada, ["young"], at=NOON - 300 * DAY)
    running = await conversation(kept.database, ada, ["goes on"], at=NOON - 367 * DAY)
    async with kept.database.writing() as session:
        await session.execute(update(Conversation).where(Conversation.id == running).values(state="open"))
    await kept.reading.sweeper.sweep()
    async with kept.database.reading() as session:
        assert set(await session.scalars(select(Conversation.id))) == {young, running}


async def test_with_no_days_words_last_as_long_as_the_conversation(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    await conversation(kept.database, ada, ["old"], at=NOON)
    kept.kept = Kept(0, 0, 1 << 30)
    done = await kept.reading.sweeper.sweep()
    assert done is not None
    assert done["conversations"] == 1


async def test_sound_goes_by_its_age_and_the_words_stay(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    old = await recording(kept.database, kept.blobs, mine, ada, b"old", expires_at=NOON + DAY)
    new = await recording(kept.database, kept.blobs, mine, ada, b"new", expires_at=NOON + 2 * DAY)
    await kept.reading.sweeper.sweep()
    assert await sounds(kept) == {old: "gone", new: "ready"}
    assert [key async for key in kept.stored.keys("recordings")] == [f"recordings/{new}"]
    # A shorter time takes effect for what is there already.
    kept.kept = Kept(365, 0, 1 << 30)
    await kept.reading.sweeper.sweep()
    assert await sounds(kept) == {old: "gone", new: "gone"}
    assert (await kept.reading.conversations.get(kept.actor(ada), mine)).sounds[0].state == "gone"


async def test_the_oldest_sound_makes_room(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    made = [
        await recording(kept.database, kept.blobs, mine, ada, bytes(100), created_at=NOON + hour * HOUR)
        for hour in range(5)
    ]
    kept.kept = Kept(365, 30, 250)
    await kept.reading.sweeper.sweep()
    assert await sounds(kept) == dict(zip(made, ["gone"] * 3 + ["ready"] * 2, strict=True))


async def test_sound_that_is_not_stored_yet_is_left_alone(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    waits = await recording(kept.database, kept.blobs, mine, ada, b"x", state="pending", expires_at=NOON)
    await kept.reading.sweeper.sweep()
    assert await sounds(kept) == {waits: "pending"}


async def test_links_are_forgotten_long_after_their_end(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    await kept.reading.shares.create(kept.actor(ada), mine, 1)
    for days, left in ((2, 1), (30, 0)):
        kept.clock.now += days * DAY
        await kept.reading.sweeper.sweep()
        async with kept.database.reading() as session:
            assert len((await session.scalars(select(Share))).all()) == left


async def test_one_process_at_a_time(kept: Library) -> None:
    other = Leases(kept.database, "two", kept.clock)
    assert await other.take(LEASE, 10 * MINUTE)
    assert await kept.reading.sweeper.sweep() == {}
    kept.clock.now += 10 * MINUTE  # nothing was heard of it: it died
    assert await kept.reading.sweeper.sweep()
    assert await other.take(LEASE, MINUTE)  # and it is left when it is done


async def test_a_step_that_fails_keeps_no_other_from_its_work(kept: Library) -> None:
    done: list[str] = []

    async def away() -> int:
        raise StorageUnavailable

    async def well() -> int:
        done.append("well")
        return 1

    sweeper = Sweeper(Leases(kept.database, "one", kept.clock), [("first", away), ("second", well)])
    assert await sweeper.sweep() is None
    assert done == ["well"]
