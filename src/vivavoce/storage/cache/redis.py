"""The cache in Redis, for several processes.

What is stored begins with a letter: `v` and the value; or `t`, the length and the list of its tags with the version
each had (MessagePack), and the value; a counter is Redis's own number. Invalidating a tag gives it a new, random
version, in one step and however many values carry it; a value whose tags have other versions now is not there any more.
A version is remembered for longer than any value lives, so a forgotten version cannot bring one back.

The scripts read the keys of tags that they find in a value, which a Redis Cluster would not let them.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.cache.flights import Flights
from vivavoce.storage.cache.limits import LONGEST_S, check, checked, fits, life
from vivavoce.storage.redis_link import RedisLink

VERSION_MS: Final = int(LONGEST_S * 2_000)
OWED: Final = 10_000
"""Invalidations that Redis has missed and gets later; with more of them everything is invalidated."""
LATELY: Final = 256
"""Makings that are remembered, for whoever looked just before one of them was kept."""
EVERYTHING: Final = "*"
"""The tag that every tagged value has."""

_ALIVE: Final = """
local function alive(stored)
  -- The value, or false when one of its tags was invalidated.
  if not stored then return false end
  local kind = string.sub(stored, 1, 1)
  if kind == 'v' then return string.sub(stored, 2) end
  if kind ~= 't' then return stored end
  local size = struct.unpack('>I4', string.sub(stored, 2, 5))
  local tags = cmsgpack.unpack(string.sub(stored, 6, 5 + size))
  for i = 1, #tags, 2 do
    if (redis.call('GET', tags[i]) or '') ~= tags[i + 1] then return false end
  end
  return string.sub(stored, 6 + size)
end
"""

_LOOK: Final = (
    _ALIVE
    + """
-- KEYS: the value's, its tags'. Gives the value or false, and the version of each tag.
local answer = {alive(redis.call('GET', KEYS[1]))}
for i = 2, #KEYS do answer[i] = redis.call('GET', KEYS[i]) or '' end
return answer
"""
)

_TAKE: Final = _ALIVE + "return alive(redis.call('GETDEL', KEYS[1]))"

_ADD: Final = (
    _ALIVE
    + """
if alive(redis.call('GET', KEYS[1])) then return 0 end
redis.call('SET', KEYS[1], 'v' .. ARGV[1], 'PX', ARGV[2])
return 1
"""
)

_KEEP: Final = """
-- KEYS: the value's, its tags'. ARGV: value, ms, then the versions that the tags must still have, or nothing.
local tags = {}
for i = 2, #KEYS do
  local version = redis.call('GET', KEYS[i]) or ''
  if ARGV[i + 1] and ARGV[i + 1] ~= version then return 0 end
  tags[#tags + 1] = KEYS[i]
  tags[#tags + 1] = version
end
local stored
if #tags == 0 then
  stored = 'v' .. ARGV[1]
else
  local head = cmsgpack.pack(tags)
  stored = 't' .. struct.pack('>I4', #head) .. head .. ARGV[1]
end
redis.call('SET', KEYS[1], stored, 'PX', ARGV[2])
return 1
"""

_COUNT: Final = """
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return total
"""


class RedisCache:
    """`Cache` in Redis. With Redis away every method raises StorageUnavailable within a second, but for `once`,
    which then makes the value each time.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._flights = Flights[bytes]()
        self._owed: dict[str, int] = {}
        self._invalidations = 0
        self._lately: dict[tuple[str, tuple[bytes, ...]], None] = {}
        script = link.client.register_script
        self._look_, self._take_, self._add_ = script(_LOOK), script(_TAKE), script(_ADD)
        self._keep_, self._count_ = script(_KEEP), script(_COUNT)

    async def get(self, key: str) -> bytes | None:
        return (await self._look(key, ()))[0]

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        check(key, value, tags)
        await self._keep(key, value, ttl_s, tags, ())

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        check(key, value)
        await self._pay()
        async with self._link.limit():
            return bool(await self._add_(keys=[self._name(key)], args=[value, _ms(ttl_s)]))

    async def take(self, key: str) -> bytes | None:
        await self._pay()
        async with self._link.limit():
            return cast("bytes | None", await self._take_(keys=[self._name(key)]))

    async def drop(self, *keys: str) -> None:
        if keys:
            async with self._link.limit():
                await self._link.client.delete(*map(self._name, keys))

    async def invalidate(self, *tags: str) -> None:
        """One that Redis misses is owed, and made up for before this process next reads or writes."""
        self._invalidations += 1
        self._owed |= dict.fromkeys(tags, self._invalidations)
        if len(self._owed) > OWED:
            self._owed = {EVERYTHING: self._invalidations}
        await self._pay()

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        async with self._link.limit():
            return int(await self._count_(keys=[self._name(checked(key))], args=[by, _ms(ttl_s)]))

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        check(key, b"", tags)
        try:
            value, versions = await self._look(key, tags)
            if value is None and (key, versions) in self._lately:
                value, versions = await self._look(key, tags)  # it may have been made while we looked
        except StorageUnavailable:
            return await self._flights.share((key, self._invalidations), make)
        if value is not None:
            return value

        async def made() -> bytes:
            fresh = await make()
            if fits(fresh):
                await self._try_to_keep(key, fresh, ttl_s, tags, versions)
            self._lately[(key, versions)] = None
            if len(self._lately) > LATELY:
                del self._lately[next(iter(self._lately))]
            return fresh

        # Who asks after an invalidation has other versions, and so does not wait for what was begun before it.
        return await self._flights.share((key, versions), made)

    async def _look(self, key: str, tags: Sequence[str]) -> tuple[bytes | None, tuple[bytes, ...]]:
        await self._pay()
        async with self._link.limit():
            value, *versions = await self._look_(keys=[self._name(checked(key)), *self._tags(tags)])
        return value, tuple(versions)

    async def _keep(self, key: str, value: bytes, ttl_s: float, tags: Sequence[str], versions: Sequence[bytes]) -> None:
        await self._pay()
        async with self._link.limit():
            await self._keep_(keys=[self._name(key), *self._tags(tags)], args=[value, _ms(ttl_s), *versions])

    async def _try_to_keep(
        self, key: str, value: bytes, ttl_s: float, tags: Sequence[str], versions: Sequence[bytes]
    ) -> None:
        try:
            await self._keep(key, value, ttl_s, tags, versions)
        except StorageUnavailable:
            return  # it was made, which is what was asked for

    async def _pay(self) -> None:
        """Carry out the invalidations that are owed; StorageUnavailable leaves them so."""
        if not self._owed:
            return
        owed = dict(self._owed)
        version = secrets.token_hex(8)
        async with self._link.limit(), self._link.client.pipeline(transaction=True) as pipe:
            for tag in owed:
                pipe.set(self._tag(tag), version, px=VERSION_MS)
            await pipe.execute()
        # What was invalidated once more meanwhile is somebody else's to pay.
        self._owed = {tag: number for tag, number in self._owed.items() if owed.get(tag) != number}

    def _name(self, key: str) -> str:
        return self._link.name("cache", key)

    def _tag(self, tag: str) -> str:
        return self._link.name("tag", tag)

    def _tags(self, tags: Sequence[str]) -> list[str]:
        """The keys of these tags, and of the one that all of them share."""
        return [self._tag(tag) for tag in (*tags, EVERYTHING)] if tags else []


def _ms(seconds: float) -> int:
    return max(1, round(life(seconds) * 1_000))
