from __future__ import annotations

import asyncio

import pytest

from archive.library import Clock
from vivavoce.archive.leases import Leases
from vivavoce.storage.clock import MINUTE
from vivavoce.storage.database import Database

pytestmark = pytest.mark.real


async def test_one_holds_it_and_may_take_it_longer(database: Database) -> None:
    clock = Clock()
    one, two = Leases(database, "one", clock), Leases(database, "two", clock)
    assert await one.take("work", MINUTE)
    assert await one.take("work", MINUTE)
    assert not await two.take("work", MINUTE)
    assert await two.take("other", MINUTE)
    await two.leave("work")  # it is not theirs to leave
    assert not await two.take("work", MINUTE)
    await one.leave("work")
    assert await two.take("work", MINUTE)


async def test_who_is_not_heard_of_loses_it(database: Database) -> None:
    clock = Clock()
    one, two = Leases(database, "one", clock), Leases(database, "two", clock)
    assert await one.take("work", MINUTE)
    clock.now += MINUTE
    assert await two.take("work", MINUTE)
    assert not await one.take("work", MINUTE)


async def test_of_many_at_once_one_gets_it(database: Database) -> None:
    clock = Clock()
    taken = await asyncio.gather(*(Leases(database, f"p{number}", clock).take("work", MINUTE) for number in range(8)))
    assert sum(taken) == 1


async def test_how_far_the_work_has_come_stays(database: Database) -> None:
    clock = Clock()
    async with database.writing() as session:
        await Leases.done(session, "work", 7)
    assert await Leases(database, "one", clock).take("work", MINUTE)
    async with database.writing() as session:
        await Leases.done(session, "work", 8)
