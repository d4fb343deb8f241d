from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vivavoce import aio
from vivavoce.channels.rates import RATES, ClassLimits, Limit, Rate, Rates
from vivavoce.errors import RateLimited, StorageUnavailable
from vivavoce.storage.cache.memory import MemoryCache

FAR = "203.0.113.7"


class Cache(MemoryCache):
    """Counts what it is asked, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = 0
        self.away = False

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        self.counts += 1
        if self.away:
            raise StorageUnavailable("away")
        return await super().count(key, by, ttl_s)


def clock() -> int:
    return 1_790_000_000_000 + round(aio.now() * 1_000)


def rates(cache: MemoryCache | None = None, **options: Any) -> Rates:
    return Rates(MemoryCache() if cache is None else cache, clock=clock, **options)


async def let_in(limits: Rates, times: int, rate: Rate = "read", user: str = "uli") -> int:
    """How many of so many requests get in, one after another in no time."""
    inside = 0
    for _ in range(times):
        try:
            await limits.of_user(rate, user)
        except RateLimited:
            continue
        inside += 1
    return inside


async def test_a_burst_gets_in_then_as_many_as_the_rate_allows() -> None:
    limits = rates()
    read = RATES["read"].user
    assert read
    assert await let_in(limits, 1_000) == read.amount
    await asyncio.sleep(read.seconds)
    inside = 0
    for _ in range(100):
        inside += await let_in(limits, 100)
        await asyncio.sleep(0.1)
    assert inside / 10 == pytest.approx(read.amount / read.seconds, rel=0.1)


async def test_what_is_limited_tightly_is_counted_exactly() -> None:
    assert await let_in(rates(), 100, "conversation") == 10


async def test_who_is_refused_is_told_when_it_is_worth_coming_back_and_then_gets_in() -> None:
    limits = rates()
    await let_in(limits, 10, "conversation")
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            await limits.of_user("conversation", "uli")
        wait = caught.value.retry_after_s
        assert caught.value.code == "rate_limited"
        assert wait is not None
        assert 0 < wait <= 2 * 60
        await asyncio.sleep(wait + 0.01)
        await limits.of_user("conversation", "uli")


async def test_one_users_limit_is_not_anothers_nor_that_of_another_class() -> None:
    limits = rates()
    await let_in(limits, 50, "conversation")
    assert await let_in(limits, 5, "conversation", "vera") == 5
    assert await let_in(limits, 5, "live") == 5


async def test_the_network_is_limited_by_address_this_machine_only_where_secrets_are_guessed() -> None:
    limits = rates()
    for address, rate, amount in ((FAR, "sign_in", 30), ("127.0.0.1", "sign_in", 30), (FAR, "search", 60)):
        for _ in range(amount):
            await limits.from_address(rate, address)
        with pytest.raises(RateLimited):
            await limits.from_address(rate, address)
    for _ in range(2_000):
        await limits.from_address("read", "127.0.0.1")


async def test_two_processes_share_a_limit_but_for_what_one_of_them_still_holds() -> None:
    cache = MemoryCache()
    here, there = rates(cache), rates(cache)
    inside = 0
    for _ in range(300):
        inside += await let_in(here, 1)
        inside += await let_in(there, 1)
    assert 200 * 15 / 16 <= inside <= 200


async def test_the_cache_is_asked_once_for_many_and_hardly_for_those_who_are_refused() -> None:
    cache = Cache()
    limits = rates(cache)
    await let_in(limits, 192)
    assert cache.counts == 2 * 192 / 12
    await let_in(limits, 8)
    before = cache.counts
    await let_in(limits, 10_000)
    assert cache.counts - before <= 10


async def test_with_the_cache_away_each_process_keeps_its_share_and_never_none() -> None:
    cache = Cache()
    cache.away = True
    assert await let_in(rates(cache, processes=lambda: 4), 300) == 50
    assert await let_in(rates(cache, processes=lambda: 1_000), 300, "conversation") == 1


async def test_the_cache_that_is_away_is_looked_for_once_a_second() -> None:
    cache = Cache()
    cache.away = True
    limits = rates(cache)
    await let_in(limits, 100)
    assert cache.counts == 1
    await asyncio.sleep(1.1)
    cache.away = False
    await let_in(limits, 100, user="vera")
    assert cache.counts > 1


@pytest.mark.parametrize("rate", list(RATES))
def test_so_many_at_once_and_no_more(rate: Rate) -> None:
    limits = rates()
    most = RATES[rate].at_once
    leaving = [limits.enter(rate, FAR, "uli") for _ in range(most)]
    with pytest.raises(RateLimited):
        limits.enter(rate, FAR, "uli")
    limits.enter(rate, FAR, "vera")
    leaving.pop()()
    with limits.at_once(rate, FAR, "uli"):
        pass


async def test_refusals_are_counted() -> None:
    refused: list[Rate] = []
    limits = Rates(MemoryCache(), {"read": ClassLimits(Limit(1, 60), None, 1)}, clock=clock, refused=refused.append)
    await let_in(limits, 3)
    assert refused == ["read", "read"]


async def test_many_refusals_of_one_caller_are_logged_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    limits = rates()
    await let_in(limits, 500, "conversation")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "uli" not in caplog.text
