"""All buses pass one suite: in this process with streams in memory or in the database, and through Redis."""

from __future__ import annotations

import asyncio

import pytest

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.bus import Delivery, News, open_bus
from vivavoce.storage.bus.ledger import Group
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.rows import RowStreams
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database
from vivavoce.testing import conformance_storage as suite
from vivavoce.testing.conformance_storage import Handling, Seen, working
from vivavoce.testing.services import Service

rules = pytest.mark.parametrize("rule", suite.BUS_RULES, ids=suite.name)


@rules
async def test_the_bus_in_this_process(rule: suite.BusRule) -> None:
    bus = MemoryBus()
    await rule(bus, bus)


@pytest.mark.real
@rules
async def test_the_bus_in_this_process_with_a_database(rule: suite.BusRule, database: Database) -> None:
    async with open_bus(None, database) as bus:
        await rule(bus, bus)


@pytest.mark.real
@rules
async def test_the_bus_through_redis_from_two_processes(rule: suite.BusRule, redis_url: str) -> None:
    async with open_bus(redis_url) as here, open_bus(redis_url) as there:
        await rule(here, there)


@pytest.mark.real
async def test_a_redis_that_was_killed_is_subscribed_to_again_and_says_that_news_was_missed(
    redis_server: Service, redis_url: str
) -> None:
    heard, missed = Seen[News](), Seen[None]()
    async with (
        open_bus(redis_url) as here,
        open_bus(redis_url) as there,
        there.subscribe("a", heard.take, lambda: missed.take(None)),
    ):
        await here.publish("a", b"before")
        await heard.reach(1)
        assert missed == []
        redis_server.kill()
        try:
            with pytest.raises(StorageUnavailable):
                await here.publish("a", b"lost")
            with pytest.raises(StorageUnavailable):
                await here.append("s", b"lost")
        finally:
            redis_server.start()
        await missed.reach(1)
        assert there.silent_s < 5
        await here.publish("a", b"after")
        await heard.reach(2)
    assert [news.payload for news in heard] == [b"before", b"after"]


@pytest.mark.real
async def test_what_goes_wrong_beside_the_bus_comes_out_as_it_is(redis_url: str) -> None:
    with pytest.raises(KeyError):
        async with open_bus(redis_url):
            raise KeyError


@pytest.mark.real
async def test_a_clock_that_is_set_back_holds_nothing_up(sqlite: Database) -> None:
    now = 1_800_000_000_000
    ledger = RowStreams(sqlite, lambda: now)
    await ledger.append("s", b"1", "k", 10)
    await ledger.append("s", b"2", "k", 10)
    held = await ledger.next(Group("s", "g"), "dies", 60)
    assert isinstance(held, Delivery)
    assert await ledger.next(Group("s", "g"), "other", 60) == 0  # the second one had to be parked
    assert await ledger.next(Group("s", "g"), "other", 60) == 60
    now -= 2 * HOUR
    again = await ledger.next(Group("s", "g"), "other", 60)
    assert isinstance(again, Delivery)
    assert (again.payload, again.attempt) == (b"1", 2)


@pytest.mark.real
async def test_a_cut_connection_is_noticed_though_redis_never_was_away(redis_url: str) -> None:
    """It is made anew within a moment, so nobody would see a silence; what was published meanwhile is lost."""
    import redis.asyncio

    heard, missed = Seen[News](), Seen[None]()
    async with open_bus(redis_url) as bus, bus.subscribe("a", heard.take, lambda: missed.take(None)):
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.client_kill_filter(_type="pubsub")
        await missed.reach(1)
        await bus.publish("a", b"1")
        await heard.reach(1)
        assert bus.silent_s < 2


@pytest.mark.real
async def test_a_frozen_redis_is_silent_and_work_goes_on_when_it_thaws(redis_server: Service, redis_url: str) -> None:
    handle = Handling()
    async with open_bus(redis_url) as bus, working(bus, handle):
        await bus.append("s", b"1")
        await handle.done.reach(1)
        redis_server.freeze()
        try:
            begun = asyncio.get_running_loop().time()
            with pytest.raises(StorageUnavailable):
                await bus.append("s", b"refused")
            assert asyncio.get_running_loop().time() - begun < 1.5
            assert bus.silent_s > 0.9
        finally:
            redis_server.thaw()
        await asyncio.sleep(0.6)  # the link's rest after the last call that found nobody
        await bus.append("s", b"2")
        while b"2" not in handle.done:
            await handle.done.reach(len(handle.done) + 1)
        assert bus.silent_s < 5


@pytest.mark.real
async def test_an_emptied_redis_is_begun_anew_by_a_running_consumer(redis_url: str) -> None:
    import redis.asyncio

    handle = Handling()
    async with open_bus(redis_url) as bus, working(bus, handle):
        for n in range(3):
            await bus.append("s", b"before %d" % n, key="k")
        await handle.done.reach(3)
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.flushall()
        for n in range(3):
            await bus.append("s", b"after %d" % n, key="k")
        await handle.done.reach(6)
    assert handle.done[3:] == [b"after 0", b"after 1", b"after 2"]


@pytest.mark.real
async def test_a_bus_may_be_opened_before_its_redis_is_there(redis_server: Service, redis_url: str) -> None:
    heard, begun = Seen[News](), Seen[None]()
    redis_server.kill()
    try:
        async with open_bus(redis_url) as bus, bus.subscribe("a", heard.take, lambda: begun.take(None)):
            redis_server.start()
            await begun.reach(1)  # later than was promised, and so it says that news may have been missed
            await bus.publish("a", b"1")
            await heard.reach(1)
    finally:
        redis_server.kill()
        redis_server.start()


@pytest.mark.real
async def test_names_of_consumers_that_left_do_not_pile_up(redis_url: str) -> None:
    import redis.asyncio

    async with open_bus(redis_url) as bus:
        for n in range(3):
            handle = Handling()
            await bus.append("s", b"%d" % n)
            async with working(bus, handle, me=f"process {n}"):
                await handle.done.reach(1)
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            assert await client.xinfo_consumers("vivavoce:stream:s", "g") == []
