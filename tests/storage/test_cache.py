"""Both caches pass one suite; then what is each one's own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce import aio
from vivavoce.errors import ConfigError, StorageUnavailable
from vivavoce.storage.cache import Cache, open_cache
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.testing import conformance_storage as suite
from vivavoce.testing import virtual
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


Step = tuple[str, str, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "add", "take", "drop", "invalidate", "count", "once", "wait"]),
        st.sampled_from("abc"),
        st.sampled_from([1.0, 5.0, 20.0]),
    ),
    max_size=30,
)


class Model:
    """What a cache must say, in the plainest way: a value is carried by the tag of its own name."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, float, bool]] = {}

    def get(self, key: str) -> bytes | None:
        value, ends, _ = self._kept.get(key, (None, 0.0, False))
        return value if aio.now() < ends else None

    def keep(self, key: str, value: bytes, ttl_s: float, *, tagged: bool = True) -> None:
        self._kept[key] = (value, aio.now() + ttl_s, tagged)

    def drop(self, key: str) -> None:
        self._kept.pop(key, None)

    def invalidate(self, key: str) -> None:
        if self._kept.get(key, (b"", 0.0, False))[2]:
            self.drop(key)

    def count(self, key: str, ttl_s: float) -> bytes:
        so_far, ends = self.get(key), self._kept.get(key, (b"", 0.0, False))[1]
        total = b"%d" % (int(so_far or b"0") + 1)
        self._kept[key] = (total, aio.now() + ttl_s if so_far is None else ends, False)
        return total


async def agree(cache: Cache, steps: list[Step]) -> None:
    """Do the same with both; they must always say the same."""
    model = Model()
    for n, (act, key, seconds) in enumerate(steps):
        value, known = b"%d" % n, model.get(key)
        match act:
            case "put":
                await cache.put(key, value, seconds, tags=[key])
                model.keep(key, value, seconds)
            case "add":
                assert await cache.add(key, value, seconds) == (known is None)
                if known is None:
                    model.keep(key, value, seconds, tagged=False)
            case "take":
                assert await cache.take(key) == known
                model.drop(key)
            case "drop":
                await cache.drop(key)
                model.drop(key)
            case "invalidate":
                await cache.invalidate(key)
                model.invalidate(key)
            case "once":
                assert await cache.once(key, seconds, lambda value=value: _gives(value), [key]) == (known or value)
                if known is None:
                    model.keep(key, value, seconds)
            case "count":
                counted = await cache.count(f"n{key}", 1, seconds)
                assert b"%d" % counted == model.count(f"n{key}", seconds)
            case "wait":
                await asyncio.sleep(seconds)
        for name in ("a", "b", "c", "na", "nb", "nc"):
            assert await cache.get(name) == model.get(name)


async def _gives(value: bytes) -> bytes:
    return value


@given(STEPS)
def test_the_cache_in_this_process_does_what_a_plain_one_does(steps: list[Step]) -> None:
    virtual.run(agree(MemoryCache(), steps))


@pytest.mark.real
async def test_the_cache_in_redis_does_what_a_plain_one_does(redis_url: str) -> None:
    """Forty scripts of thirty steps; without the waiting, which is real here."""
    dice = random.Random(7)
    async with open_cache(redis_url) as cache:
        for script in range(40):
            acts = ["put", "add", "take", "drop", "invalidate", "count", "once"]
            steps = [(dice.choice(acts), dice.choice("abc"), 20.0) for _ in range(30)]
            await agree(Named(cache, str(script)), steps)


class Named:
    """A cache under names of its own."""

    def __init__(self, cache: Cache, name: str) -> None:
        self._cache = cache
        self._name = name

    async def get(self, key: str) -> bytes | None:
        return await self._cache.get(self._name + key)

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        await self._cache.put(self._name + key, value, ttl_s, tags=[self._name + tag for tag in tags])

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        return await self._cache.add(self._name + key, value, ttl_s)

    async def take(self, key: str) -> bytes | None:
        return await self._cache.take(self._name + key)

    async def drop(self, *keys: str) -> None:
        await self._cache.drop(*(self._name + key for key in keys))

    async def invalidate(self, *tags: str) -> None:
        await self._cache.invalidate(*(self._name + tag for tag in tags))

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        return await self._cache.count(self._name + key, by, ttl_s)

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        return await self._cache.once(self._name + key, ttl_s, make, [self._name + tag for tag in tags])


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
async def test_invalidations_that_redis_missed_are_made_up_for(redis_server: Service, redis_url: str) -> None:
    async with open_cache(redis_url) as cache:
        await cache.put("k", b"old", 60, tags=["t"])
        await cache.put("l", b"old", 60, tags=["u"])
        redis_server.freeze()
        try:
            with pytest.raises(StorageUnavailable):
                await cache.get("k")
            for tag in ("t", "u"):
                with pytest.raises(StorageUnavailable):
                    await cache.invalidate(tag)  # the link rests: it is not even sent
        finally:
            redis_server.thaw()
        await until(lambda: cache.get("k"), None)
        assert await cache.get("l") is None


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
