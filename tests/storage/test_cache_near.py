"""The near cache answers from this process, and forgets when another one says so, or may have said so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.bus import News, open_bus
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.cache import NearCache, open_cache, open_near
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.testing import conformance_storage as suite
from vivavoce.testing.conformance_storage import Slow


class Silent(MemoryBus):
    """A bus whose silence and whose losses a test sets."""

    silent_s = 0.0
    away = False

    async def publish(self, channel: str, payload: bytes) -> None:
        if self.away:
            raise StorageUnavailable("away")
        await super().publish(channel, payload)


class Made:
    """Makes `name 1`, `name 2`, …"""

    def __init__(self, name: str) -> None:
        self._name = name
        self.times = 0

    async def __call__(self) -> bytes:
        self.times += 1
        return f"{self._name} {self.times}".encode()


@asynccontextmanager
async def two() -> AsyncIterator[tuple[NearCache, NearCache, MemoryCache, Silent]]:
    """Two processes over one far cache and one bus."""
    far, bus = MemoryCache(), Silent()
    async with open_near(far, bus) as here, open_near(far, bus) as there:
        yield here, there, far, bus


async def told() -> None:
    """The news is on its way for a turn of the loop."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize("rule", suite.CACHE_RULES, ids=suite.name)
async def test_it_is_a_cache(rule: suite.CacheRule) -> None:
    async with open_near(MemoryCache(), MemoryBus()) as near:
        await rule(near, near)


async def test_what_was_asked_for_once_is_near_and_far_is_not_asked_again() -> None:
    async with two() as (here, there, far, _):
        make = Made("apps")
        assert await here.once("k", 3_600, make, ["apps"]) == b"apps 1"
        assert here.peek("k") == b"apps 1"
        assert there.peek("k") is None
        assert await there.once("k", 3_600, make, ["apps"]) == b"apps 1"
        await far.drop("k")  # behind their backs
        assert await here.once("k", 3_600, make, ["apps"]) == b"apps 1"
        await asyncio.sleep(60)
        assert await here.once("k", 3_600, make, ["apps"]) == b"apps 2"


@pytest.mark.parametrize("how", ["invalidate", "drop", "put"])
async def test_what_another_process_changes_is_forgotten(how: str) -> None:
    async with two() as (here, there, _, _bus):
        make = Made("apps")
        await here.once("k", 3_600, make, ["apps"])
        if how == "invalidate":
            await there.invalidate("apps")
        elif how == "drop":
            await there.drop("k")
        else:
            await there.put("k", b"put", 3_600, tags=["apps"])
        await told()
        assert here.peek("k") is None
        assert await here.once("k", 3_600, make, ["apps"]) == (b"put" if how == "put" else b"apps 2")


async def test_what_is_made_while_another_process_invalidates_is_kept_nowhere() -> None:
    async with two() as (here, there, far, _):
        slow = Slow(b"old")
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(here.once("k", 60, slow, ["apps"]))
            await slow.begun.wait()
            await there.invalidate("apps")
            await told()
            slow.finish.set()
        assert asking.result() == b"old"
        assert here.peek("k") is None
        assert await far.get("k") is None


async def test_a_silent_bus_empties_it_and_nothing_is_kept_until_it_speaks() -> None:
    async with two() as (here, _, far, bus):
        make = Made("apps")
        await here.once("k", 3_600, make)
        bus.silent_s = 5.1
        assert here.peek("k") is None
        await far.drop("k")
        assert await here.once("k", 3_600, make) == b"apps 2"
        bus.silent_s = 0.0
        assert here.peek("k") is None
        assert await here.once("k", 3_600, make) == b"apps 2"
        assert here.peek("k") == b"apps 2"


async def test_news_that_may_have_been_missed_empties_it() -> None:
    async with two() as (here, _, _far, _bus):
        await here.once("k", 3_600, Made("apps"))
        here.forget()
        assert here.peek("k") is None


async def test_news_that_makes_no_sense_empties_it() -> None:
    async with two() as (here, _, _far, bus):
        await here.once("k", 3_600, Made("apps"))
        await bus.publish("cache.changed", b"\xc1")
        await told()
        assert here.peek("k") is None


async def test_what_cannot_be_told_is_forgotten_here_all_the_same() -> None:
    async with two() as (here, _, _far, bus):
        await here.once("k", 3_600, Made("apps"), ["apps"])
        bus.away = True
        await here.invalidate("apps")
        assert here.peek("k") is None


async def test_tickets_and_counters_are_never_near() -> None:
    async with two() as (here, there, _, _bus):
        assert await here.add("ticket", b"1", 60)
        assert await here.get("ticket") == b"1"
        assert await there.take("ticket") == b"1"
        assert await here.take("ticket") is None
        assert await here.count("n", 1, 60) == 1
        assert await there.count("n", 1, 60) == 2
        assert await here.get("n") == b"2"


@pytest.mark.real
async def test_two_processes_over_redis_agree_within_a_moment(redis_url: str) -> None:
    heard = suite.Seen[News]()
    async with (
        open_cache(redis_url) as far_here,
        open_cache(redis_url) as far_there,
        open_bus(redis_url) as bus_here,
        open_bus(redis_url) as bus_there,
        open_near(far_here, bus_here) as here,
        open_near(far_there, bus_there) as there,
        bus_there.subscribe("cache.changed", heard.take),
    ):
        make = Made("apps")
        assert await here.once("k", 60, make, ["apps"]) == b"apps 1"
        assert await there.once("k", 60, make, ["apps"]) == b"apps 1"
        assert there.peek("k") == b"apps 1"
        await here.invalidate("apps")
        await heard.reach(1)
        assert there.peek("k") is None
        assert await there.once("k", 60, make, ["apps"]) == b"apps 2"
