"""Two processes' doors over one Redis: limits, cached reads and live news are those of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from channels.people import Entrance, person
from channels.server import eventually
from channels.test_feed import Page
from channels.test_guard import BEARER, Seen, client
from vivavoce import aio
from vivavoce.channels.feed import LiveFeed
from vivavoce.channels.rates import Rates
from vivavoce.errors import RateLimited
from vivavoce.storage.bus import Bus, open_bus
from vivavoce.storage.cache import Cache, open_cache, open_near
from vivavoce.testing import services

pytestmark = pytest.mark.real

MIDDLE_OF_A_MINUTE = 1_795_676_430_000


class Gateway:
    """What one process has of Redis, and what the door makes of it."""

    def __init__(self, bus: Bus, far: Cache, near: Cache) -> None:
        self.bus = bus
        self.rates = Rates(far, clock=lambda: MIDDLE_OF_A_MINUTE, processes=lambda: 2)
        self.feed = LiveFeed(bus)
        self.entrance = Entrance(person("uli"), rates=self.rates)
        self.entrance.cache = near  # type: ignore[assignment]  # any cache will do

    async def let_in(self, times: int) -> int:
        inside = 0
        for _ in range(times):
            try:
                await self.rates.of_user("conversation", "uli")
            except RateLimited:
                continue
            inside += 1
        return inside


@asynccontextmanager
async def two_gateways(url: str) -> AsyncIterator[tuple[Gateway, Gateway]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            bus = await stack.enter_async_context(open_bus(url))
            far = await stack.enter_async_context(open_cache(url))
            near = await stack.enter_async_context(open_near(far, bus))
            made.append(Gateway(bus, far, near))
        yield made[0], made[1]


async def test_a_limit_is_one_for_both(redis_url: str) -> None:
    async with two_gateways(redis_url) as (here, there):
        assert await here.let_in(6) + await there.let_in(20) + await here.let_in(20) == 10


async def test_with_redis_gone_each_has_its_half_at_once() -> None:
    with services.redis() as own:
        async with two_gateways(own.url) as (here, _):
            await here.let_in(1)
            own.kill()
            began = aio.now()
            assert await here.let_in(30) == 5
            assert aio.now() - began < 3


async def test_a_change_here_is_read_there(redis_url: str) -> None:
    async with two_gateways(redis_url) as (here, there):
        app = Seen()
        async with client(app, here.entrance) as asking, client(app, there.entrance) as asking_there:

            async def shown() -> list[int]:
                answers = [await one.get("/api/list", headers=BEARER) for one in (asking, asking_there)]
                return [answer.json()["asked"] for answer in answers]

            assert await shown() == await shown() == [1, 1]
            await here.entrance.cache.invalidate("things")
            while (await shown())[1] == 1:  # noqa: ASYNC110 — until the news has come
                await asyncio.sleep(0.01)


async def test_who_moves_to_the_other_gateway_misses_nothing_and_gets_nothing_twice(redis_url: str) -> None:
    async with two_gateways(redis_url) as (here, there), aio.background() as keep:
        keep(here.feed.run(), "here")
        keep(there.feed.run(), "there")
        first, second = Page(), Page()
        here.feed.join(first)
        there.feed.join(second)
        while not (first.seen and second.seen):
            await here.bus.publish("live", b'{"topic": "users", "kind": "changed", "id": "hello"}')
            await asyncio.sleep(0.02)
        # Both clocks are one here; a gateway trusts another's cursors once it has been there for five seconds.
        for feed in (here.feed, there.feed):
            feed._began -= 10_000
        known = len(second.seen)
        for number in range(20):
            bus = (here.bus, there.bus)[number % 2]
            await bus.publish("live", b'{"topic": "users", "kind": "changed", "id": "%d"}' % (number // 4))
        await eventually(lambda: len(second.seen) >= known + 20 and len(first.seen) >= 20)
        for entry in first.seen[-15:]:
            missed = there.feed.since(entry.cursor)
            assert missed is not None
            after = [one.name for one in second.seen].index(entry.name) + 1
            assert [one.name for one in missed] == [one.name for one in second.seen[after:]]
