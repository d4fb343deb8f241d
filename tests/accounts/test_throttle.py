"""Guessing is slowed; owners are not locked out. In virtual time, over a cache in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from vivavoce import aio
from vivavoce.accounts.throttle import Limits, Throttle
from vivavoce.errors import RateLimited, StorageUnavailable
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.cache.port import Cache

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


def clock() -> int:
    return int(aio.now() * 1000) + 1_764_000_000_000


def throttle(cache: Cache | None = None) -> Throttle:
    return Throttle(MemoryCache() if cache is None else cache, MemoryCache(), clock)


async def wrong(guard: Throttle, name: str, address: str, *, trusted: bool = False) -> None:
    await guard.failed(await guard.admit(name, address, trusted=trusted))


async def refused(guard: Throttle, name: str, address: str, *, trusted: bool = False) -> float:
    """Seconds to wait."""
    with pytest.raises(RateLimited) as error:
        await guard.admit(name, address, trusted=trusted)
    assert error.value.retry_after_s is not None
    return error.value.retry_after_s


async def test_five_failures_of_a_pair_cost_thirty_seconds_and_each_further_one_twice_as_much() -> None:
    guard = throttle()
    for _ in range(5):
        await wrong(guard, "ada", HOME)
    waits = []
    for _ in range(4):
        waits.append(await refused(guard, "ada", HOME))
        await asyncio.sleep(waits[-1])
        await wrong(guard, "ada", HOME)
    assert waits == [30, 60, 120, 240]


async def test_a_block_is_never_longer_than_a_quarter_of_an_hour() -> None:
    guard = throttle()
    longest = 0.0
    for _ in range(40):
        try:
            await wrong(guard, "ada", HOME)
        except RateLimited as error:
            longest = max(longest, error.retry_after_s or 0)
            await asyncio.sleep(error.retry_after_s or 0)
    assert longest == 900


async def test_knocking_on_a_closed_door_does_not_keep_it_closed() -> None:
    guard = throttle()
    for _ in range(5):
        await wrong(guard, "ada", HOME)
    for _ in range(29):
        await asyncio.sleep(1)
        await refused(guard, "ada", HOME)
    await asyncio.sleep(1)
    await guard.succeeded(await guard.admit("ada", HOME, trusted=False))


async def test_a_right_password_makes_the_pair_begin_anew() -> None:
    guard = throttle()
    for _ in range(4):
        await wrong(guard, "ada", HOME)
    await guard.succeeded(await guard.admit("ada", HOME, trusted=False))
    for _ in range(4):
        await wrong(guard, "ada", HOME)
    await guard.succeeded(await guard.admit("ada", HOME, trusted=False))


async def test_many_guesses_at_once_are_no_more_than_as_many_after_each_other() -> None:
    guard = throttle()
    tries = await asyncio.gather(*(guard.admit("ada", HOME, trusted=False) for _ in range(200)), return_exceptions=True)
    assert sum(not isinstance(one, RateLimited) for one in tries) == Limits().pair + 1


async def test_thirty_failures_of_an_address_keep_it_out_whatever_name_it_tries() -> None:
    guard = throttle()
    for n in range(30):
        await wrong(guard, f"name{n}", ELSEWHERE)
    assert await refused(guard, "somebody", ELSEWHERE) == 900
    await guard.admit("somebody", "198.51.100.10", trusted=False)  # the next house
    await guard.admit("ada", ELSEWHERE, trusted=True)  # who has come from there before
    await asyncio.sleep(900)
    await guard.admit("somebody", ELSEWHERE, trusted=False)


async def test_an_address_of_ipv6_is_its_whole_64_which_one_machine_has() -> None:
    guard = throttle()
    for n in range(30):
        await wrong(guard, f"name{n}", f"2001:db8::{n}")
    assert await refused(guard, "somebody", "2001:db8::ffff:1") == 900
    await guard.admit("somebody", "2001:db8:0:1::1", trusted=False)


async def test_a_hundred_failures_of_a_name_from_everywhere_slow_it_to_one_in_ten_seconds() -> None:
    guard = throttle()
    for n in range(100):
        await wrong(guard, "ada", f"10.{n}.0.1")
    admitted = 0
    for n in range(600):
        await asyncio.sleep(0.1)
        try:
            await wrong(guard, "ada", f"11.{n % 200}.{n // 200}.1")
            admitted += 1
        except RateLimited:
            pass
    assert admitted == 6
    await guard.succeeded(await guard.admit("ada", HOME, trusted=True))
    await guard.admit("bob", "10.1.0.1", trusted=False)


async def test_an_attacker_cannot_lock_the_owner_out_nor_with_all_three_together() -> None:
    guard = throttle()
    for n in range(400):
        try:
            await wrong(guard, "ada", f"10.{n % 250}.{n}.1" if n < 250 else ELSEWHERE)
        except RateLimited:
            continue
    await guard.succeeded(await guard.admit("ada", HOME, trusted=True))


async def test_a_try_that_was_never_checked_is_as_if_nobody_had_tried() -> None:
    guard = throttle()
    for _ in range(300):
        await guard.dropped(await guard.admit("ada", HOME, trusted=False))
    for _ in range(5):
        await wrong(guard, "ada", HOME)


async def test_a_single_try_beyond_the_limit_that_never_comes_back_holds_its_place_ten_seconds() -> None:
    guard = throttle()
    for _ in range(5):
        await wrong(guard, "ada", HOME)
    await asyncio.sleep(30)
    await guard.admit("ada", HOME, trusted=False)  # and is cancelled
    await refused(guard, "ada", HOME)
    await asyncio.sleep(10)
    await guard.admit("ada", HOME, trusted=False)


class Away:
    """A cache that cannot be reached."""

    async def get(self, key: str) -> bytes | None:
        raise StorageUnavailable("away")

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        raise StorageUnavailable("away")

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        raise StorageUnavailable("away")

    async def take(self, key: str) -> bytes | None:
        raise StorageUnavailable("away")

    async def drop(self, *keys: str) -> None:
        raise StorageUnavailable("away")

    async def invalidate(self, *tags: str) -> None:
        raise StorageUnavailable("away")

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        raise StorageUnavailable("away")

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        raise StorageUnavailable("away")


async def test_without_the_cache_each_process_keeps_its_own_share() -> None:
    guard = throttle(Away())
    for _ in range(2):  # 5 ÷ 2
        await wrong(guard, "ada", HOME)
    assert await refused(guard, "ada", HOME) == 30
    await guard.admit("ada", ELSEWHERE, trusted=False)


async def test_names_and_addresses_are_not_to_be_read_in_the_cache() -> None:
    keys: set[str] = set()

    class Seen(MemoryCache):
        async def count(self, key: str, by: int, ttl_s: float) -> int:
            keys.add(key)
            return await super().count(key, by, ttl_s)

    guard = throttle(Seen())
    await wrong(guard, "ada\ud800" * 4000, HOME)
    assert keys
    assert not any("ada" in key or HOME in key or len(key) > 200 for key in keys)
