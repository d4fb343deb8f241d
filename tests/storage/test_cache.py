"""Both caches pass one suite; then what is each one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vivavoce.errors import ConfigError, StorageUnavailable
from vivavoce.storage.cache import open_cache
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.testing import conformance_storage as suite
from vivavoce.testing.services import Service


@pytest.mark.parametrize("rule", suite.CACHE_RULES, ids=suite.name)
async def test_the_cache_in_this_process(rule: suite.CacheRule) -> None:
    cache = MemoryCache()
    await rule(cache, cache)


@pytest.mark.real
@pytest.mark.parametrize("rule", suite.CACHE_RULES, ids=suite.name)
async def test_the_cache_in_redis_from_two_processes(rule: suite.CacheRule, redis_url: str) -> None:
    async with open_cache(redis_url) as here, open_cache(redis_url) as there:
        await rule(here, there)


async def test_the_least_recently_used_goes_when_there_are_too_many() -> None:
    cache = MemoryCache(entries=3)
    for key in "abc":
        await cache.put(key, b"", 60, tags=["all"])
    await cache.get("a")
    await cache.put("d", b"", 60)
    assert [await cache.get(key) for key in "abcd"] == [b"", None, b"", b""]
    await cache.invalidate("all")
    assert len(cache) == 1


async def test_the_bytes_are_bounded_too_and_given_back() -> None:
    cache = MemoryCache(size=10_000)
    for n in range(50):
        await cache.put(f"k{n}", bytes(900), 60, tags=[f"t{n}"])
        assert cache.size <= 10_000
    assert 8 <= len(cache) <= 10
    await cache.drop(*(f"k{n}" for n in range(50)))
    assert (len(cache), cache.size) == (0, 0)


async def test_an_address_that_is_none_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"data\.redis"):
        async with open_cache("http://127.0.0.1"):
            pass


@pytest.mark.real
async def test_two_installations_share_one_redis(redis_url: str) -> None:
    async with open_cache(f"{redis_url}?prefix=one") as one, open_cache(f"{redis_url}?prefix=two") as two:
        await one.put("k", b"1", 60, tags=["t"])
        await two.put("k", b"2", 60, tags=["t"])
        await two.invalidate("t")
        assert await one.get("k") == b"1"
        assert await two.get("k") is None


@pytest.mark.real
async def test_a_killed_redis_is_away_at_once_and_back_without_a_restart(redis_server: Service, redis_url: str) -> None:
    async with open_cache(redis_url) as cache:
        await asyncio.gather(*(cache.put(f"k{n}", b"", 60) for n in range(20)))
        redis_server.kill()
        try:
            with pytest.raises(StorageUnavailable):
                await cache.get("k1")
            assert await cache.once("k1", 60, _forty_two) == b"42"
        finally:
            redis_server.start()
        answers = await asyncio.gather(*(cache.once(f"k{n}", 60, _forty_two) for n in range(20)))
        assert set(answers) <= {b"42", b""}


@pytest.mark.real
async def test_a_frozen_redis_costs_the_first_callers_a_second_and_the_next_ones_nothing(
    redis_server: Service, redis_url: str
) -> None:
    loop = asyncio.get_running_loop()
    async with open_cache(redis_url) as cache:
        await cache.put("k", b"1", 60)
        redis_server.freeze()
        try:
            begun = loop.time()
            with pytest.raises(StorageUnavailable):
                await cache.get("k")
            assert 0.9 < loop.time() - begun < 1.5
            begun = loop.time()
            for _ in range(1000):
                with pytest.raises(StorageUnavailable):
                    await cache.get("k")
            assert loop.time() - begun < 0.4
        finally:
            redis_server.thaw()
        await until(lambda: cache.get("k"), b"1")


@pytest.mark.real
async def test_an_invalidation_that_redis_missed_is_made_up_for(redis_server: Service, redis_url: str) -> None:
    async with open_cache(redis_url) as cache:
        await cache.put("k", b"old", 60, tags=["t"])
        redis_server.freeze()
        try:
            with pytest.raises(StorageUnavailable):
                await cache.get("k")
            with pytest.raises(StorageUnavailable):
                await cache.invalidate("t")  # the link rests: it is not even sent
        finally:
            redis_server.thaw()
        await until(lambda: cache.get("k"), None)


async def _forty_two() -> bytes:
    return b"42"


async def until(ask: Callable[[], Awaitable[bytes | None]], answer: bytes | None) -> None:
    """Ask until there is an answer at all; it must be that one at once."""
    while True:
        try:
            assert await ask() == answer
            return
        except StorageUnavailable:
            await asyncio.sleep(0.02)
