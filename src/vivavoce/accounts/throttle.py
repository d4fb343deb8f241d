"""Guessing is slowed, owners are not locked out. Three counters, each with its own purpose:

- per (name, network), 5 failures in 15 minutes → 30 s, doubling to 15 min: somebody guesses one password;
- per address, 30 failures → 15 min: somebody tries many names;
- per name, 100 failures in an hour → one try each 10 s: many addresses guess one password.

The last two never touch a network from which this very person signed in within 30 days. A try is counted *before*
its password is checked and given back when it was right, so a hundred at once are a hundred; a try that is refused
here is not counted, so knocking on a closed door does not keep it closed. There is no hard lock.

Names are counted as they are typed, whether there is such a user or not. The counters live in the cache; while that
is away, each process counts its own share of the limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from vivavoce.accounts.networks import network, single
from vivavoce.errors import RateLimited, StorageUnavailable
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import SECOND, Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of the threat model; windows and blocks in seconds."""

    pair: int = 5
    address: int = 30
    name: int = 100
    pair_window: float = 900
    name_window: float = 3600
    pair_block: float = 30
    longest_block: float = 900
    name_pace: float = 10
    flight: float = 10
    """A single try that is let through beyond a limit holds its place at most so long."""


LIMITS: Final = Limits()
SHARE: Final = Limits(LIMITS.pair // 2, LIMITS.address // 2, LIMITS.name // 2)
"""Of a process that counts alone: there is a cache that can be away only where there are several processes."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was let in: give it to `succeeded` or `failed`."""

    name: str
    pair: str
    address: str
    trusted: bool
    failures: int
    """In this pair, should this one fail too."""
    alone: bool
    """Beyond the limit, after a block: holds the pair's only place."""


class Throttle:
    """`admit` before a password is checked; then one of `failed`, `succeeded`, `dropped`."""

    def __init__(self, cache: Cache, local: Cache, clock: Clock) -> None:
        self._cache = cache
        self._local = local
        self._clock = clock

    async def admit(self, name: str, address: str, *, trusted: bool) -> Try:
        """Let a try in. `trusted`: this person signed in from this network lately. Raises RateLimited."""
        return await self._either(lambda cache, limits: self._admit(cache, limits, name, address, trusted))

    async def failed(self, tried: Try) -> None:
        """The password was wrong."""
        await self._either(lambda cache, limits: self._failed(cache, limits, tried))

    async def succeeded(self, tried: Try) -> None:
        """The password was right: the pair begins anew."""
        await self._either(lambda cache, limits: self._succeeded(cache, limits, tried))

    async def dropped(self, tried: Try) -> None:
        """The password was never checked: as if nobody had tried."""
        await self._either(lambda cache, limits: self._return(cache, limits, tried))

    async def _admit(self, cache: Cache, limits: Limits, name: str, address: str, trusted: bool) -> Try:
        by_name, by_address = _key("name", name), _key("address", single(address))
        pair = _key("pair", name, network(address) or address)
        await self._open(cache, pair + ":block")
        if not trusted:
            await self._open(cache, by_address + ":block")
            if await cache.count(by_address, 1, limits.pair_window) > limits.address:
                await cache.count(by_address, -1, limits.pair_window)
                raise _later(1)
            if await cache.count(by_name, 1, limits.name_window) > limits.name and not await cache.add(
                by_name + ":pace", b"1", limits.name_pace
            ):
                await cache.count(by_address, -1, limits.pair_window)
                await cache.count(by_name, -1, limits.name_window)
                raise _later(limits.name_pace)
        failures = await cache.count(pair, 1, limits.pair_window)
        alone = failures > limits.pair
        tried = Try(by_name, pair, by_address, trusted, failures, alone)
        if alone and not await cache.add(pair + ":alone", b"1", limits.flight):
            await self._return(cache, limits, Try(by_name, pair, by_address, trusted, failures, alone=False))
            raise _later(1)
        return tried

    async def _failed(self, cache: Cache, limits: Limits, tried: Try) -> None:
        if tried.failures >= limits.pair:
            step = await cache.count(tried.pair + ":step", 1, limits.name_window)
            await self._block(cache, tried.pair, min(limits.pair_block * 2.0 ** (step - 1), limits.longest_block))
            if tried.alone:
                await cache.drop(tried.pair + ":alone")
        if not tried.trusted and await cache.count(tried.address, 0, limits.pair_window) >= limits.address:
            await self._block(cache, tried.address, limits.longest_block)

    async def _succeeded(self, cache: Cache, limits: Limits, tried: Try) -> None:
        await cache.drop(*(tried.pair + part for part in ("", ":step", ":alone", ":block")))
        await self._return_others(cache, limits, tried)

    async def _return(self, cache: Cache, limits: Limits, tried: Try) -> None:
        await cache.count(tried.pair, -1, limits.pair_window)
        if tried.alone:
            await cache.drop(tried.pair + ":alone")
        await self._return_others(cache, limits, tried)

    async def _return_others(self, cache: Cache, limits: Limits, tried: Try) -> None:
        if not tried.trusted:
            await cache.count(tried.address, -1, limits.pair_window)
            await cache.count(tried.name, -1, limits.name_window)

    async def _block(self, cache: Cache, key: str, seconds: float) -> None:
        until = self._clock() + int(seconds * SECOND)
        await cache.put(key + ":block", str(until).encode(), seconds)

    async def _open(self, cache: Cache, key: str) -> None:
        until = await cache.get(key)
        if until is not None:
            raise _later(max(1.0, (int(until) - self._clock()) / SECOND))

    async def _either(self, work: Callable[[Cache, Limits], Awaitable[T]]) -> T:
        try:
            return await work(self._cache, LIMITS)
        except StorageUnavailable:
            return await work(self._local, SHARE)


def _key(kind: str, *parts: str) -> str:
    """Of bounded length whatever was typed, and nobody's name or address is written down."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"throttle:{kind}:{digest}"


def _later(seconds: float) -> RateLimited:
    return RateLimited("too many failed tries: wait a little", retry_after_s=seconds)
