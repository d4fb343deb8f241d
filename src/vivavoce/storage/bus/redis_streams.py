"""Streams in Redis.

Redis's consumer groups keep who has which entry and how often it was given (XREADGROUP, XCLAIM, XACK; the usual tools
show them). What they do not keep stands beside them, and each step changes both in one script:

- when an entry may be given again (a sorted set): XAUTOCLAIM knows one idle time for all entries, so it cannot wait
  five minutes after the fourth failure and one minute for a consumer that died;
- which entries of one key wait for each other (a list for each key with undone entries);
- a running number in each entry, so that a group sees how many were trimmed away before it came to them.

A stream is trimmed exactly, but only when a tenth too much is in it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from vivavoce.storage.bus import dead
from vivavoce.storage.bus.ledger import Group, Held
from vivavoce.storage.bus.port import Delivery
from vivavoce.storage.bus.redis_news import RedisNews
from vivavoce.storage.redis_link import RedisLink

PARKED: Final = 0.001
"""Seconds until the next try when one step has only parked entries."""

FURTHEST_MS: Final = 3_600_000
"""Nobody holds or postpones for longer."""

_COMMON: Final = (
    f"local FURTHEST = {FURTHEST_MS + 60_000}\n"
    + """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function field(entry, name)
  for i = 1, #entry[2], 2 do if entry[2][i] == name then return entry[2][i + 1] end end
end
local function add(stream, counter, payload, key, keep, channel)
  local number = redis.call('INCR', counter)
  local id = redis.call('XADD', stream, '*', 'p', payload, 'k', key, 'n', number)
  keep = tonumber(keep)
  if redis.call('XLEN', stream) > keep + math.floor(keep / 10) then redis.call('XTRIM', stream, 'MAXLEN', keep) end
  redis.call('PUBLISH', channel, '')
  return id
end
"""
)

_APPEND: Final = _COMMON + "return add(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4])"

_GROUP: Final = (
    _COMMON
    + """
-- KEYS: stream, due, keys of undone entries, state of the group. ARGV: group, consumer, prefix of the lists.
local stream, due, keyed, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, lists = ARGV[1], ARGV[2], ARGV[3]

local function forget(id)
  -- It is done, or was trimmed away; the next one of its key may begin.
  redis.call('ZREM', due, id)
  local key = redis.call('HGET', keyed, id)
  if not key then return end
  redis.call('HDEL', keyed, id)
  redis.call('LREM', lists .. key, 1, id)
  local head = redis.call('LINDEX', lists .. key, 0)
  if head then redis.call('ZADD', due, 'NX', now(), head) end
end
local function mine(id, attempt)
  local held = redis.pcall('XPENDING', stream, group, id, id, 1)
  if held.err then return false end  -- Redis was emptied, and the group with it
  held = held[1]
  return held and held[2] == consumer and held[4] == tonumber(attempt)
end
"""
)

_NEXT: Final = (
    _GROUP
    + """
-- ARGV: … ms to hold. Gives {id, payload, key, attempt}, or the ms until something is due, or -1 for never.
local hold = tonumber(ARGV[4])
local function give(entry, attempt)
  redis.call('ZADD', due, now() + hold, entry[1])
  return {entry[1], field(entry, 'p'), field(entry, 'k'), attempt}
end
while true do
  local id = redis.call('ZRANGEBYSCORE', due, '-inf', now(), 'LIMIT', 0, 1)[1]
  -- … or so far ahead that the clock must have been set back since
  id = id or redis.call('ZRANGEBYSCORE', due, now() + FURTHEST, '+inf', 'LIMIT', 0, 1)[1]
  if not id then break end
  local entry = redis.call('XCLAIM', stream, group, consumer, 0, id)[1]
  if entry then return give(entry, redis.call('XPENDING', stream, group, id, id, 1)[1][4]) end
  redis.call('HINCRBY', state, 'lost', 1)
  forget(id)
end
for _ = 1, 100 do
  local got = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', stream, '>')
  if got and got.err then
    if not string.find(got.err, 'NOGROUP') then return got end
    redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
    for _, key in ipairs(redis.call('HVALS', keyed)) do redis.call('DEL', lists .. key) end
    redis.call('DEL', due, keyed, state)
    got = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', stream, '>')
  end
  if not got then
    local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
    return first[2] and math.max(0, first[2] - now()) or -1
  end
  local entry = got[1][2][1]
  local number = tonumber(field(entry, 'n'))
  local seen = tonumber(redis.call('HGET', state, 'seen') or number - 1)
  if number > seen + 1 then redis.call('HINCRBY', state, 'lost', number - seen - 1) end
  redis.call('HSET', state, 'seen', number)
  local key = field(entry, 'k')
  if key == '' then return give(entry, 1) end
  redis.call('HSET', keyed, entry[1], key)
  if redis.call('RPUSH', lists .. key, entry[1]) == 1 then return give(entry, 1) end
  -- An earlier one is not done: this one is ours in Redis's books, but was never tried.
  redis.call('XCLAIM', stream, group, consumer, 0, entry[1], 'RETRYCOUNT', 0, 'JUSTID')
end
return 0
"""
)

_POSTPONE: Final = (
    _GROUP
    + """
-- ARGV: … id, attempt, ms
if not mine(ARGV[4], ARGV[5]) then return 0 end
redis.call('ZADD', due, now() + ARGV[6], ARGV[4])
return 1
"""
)

_DONE: Final = (
    _GROUP
    + """
-- ARGV: … id, attempt
if not mine(ARGV[4], ARGV[5]) then return 0 end
redis.call('XACK', stream, group, ARGV[4])
forget(ARGV[4])
return 1
"""
)

_GIVE_BACK: Final = (
    _GROUP
    + """
-- ARGV: … id, attempt, channel
if not mine(ARGV[4], ARGV[5]) then return 0 end
redis.call('XCLAIM', stream, group, consumer, 0, ARGV[4], 'RETRYCOUNT', ARGV[5] - 1, 'JUSTID')
redis.call('ZADD', due, now(), ARGV[4])
redis.call('PUBLISH', ARGV[6], '')
return 1
"""
)

_BURY: Final = (
    _GROUP
    + """
-- KEYS: … grave, its counter. ARGV: … id, attempt, letter, how many to keep, channel
if not mine(ARGV[4], ARGV[5]) then return 0 end
add(KEYS[5], KEYS[6], ARGV[6], '', ARGV[7], ARGV[8])
redis.call('XACK', stream, group, ARGV[4])
forget(ARGV[4])
return 1
"""
)

_LEAVE: Final = """
-- Names that hold nothing go: this one, and those that were not heard of for a day.
local known = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if known.err then return 0 end
for _, one in ipairs(known) do
  local named = {}
  for i = 1, #one, 2 do named[one[i]] = one[i + 1] end
  if named.pending == 0 and (named.name == ARGV[2] or named.idle > 86400000) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], named.name)
  end
end
return 1
"""

_LOST: Final = """
-- KEYS: stream. ARGV: what the names of groups' states begin with. Found to be lost, and not found yet.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return 0 end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local number = 0
if first then
  for i = 1, #first[2], 2 do if first[2][i] == 'n' then number = tonumber(first[2][i + 1]) end end
end
local total = 0
for _, group in ipairs(groups) do
  local state = ARGV[1] .. group[2]
  local seen = tonumber(redis.call('HGET', state, 'seen') or number)
  total = total + (redis.call('HGET', state, 'lost') or 0) + math.max(0, number - seen - 1)
end
return total
"""


class RedisStreams:
    """`Ledger` in Redis. Being woken comes by its news."""

    def __init__(self, link: RedisLink, news: RedisNews) -> None:
        self._link = link
        self._news = news
        script = link.client.register_script
        self._append, self._next, self._postpone = script(_APPEND), script(_NEXT), script(_POSTPONE)
        self._done, self._give_back, self._bury = script(_DONE), script(_GIVE_BACK), script(_BURY)
        self._leave, self._lost = script(_LEAVE), script(_LOST)

    async def append(self, stream: str, payload: bytes, key: str, keep: int) -> str:
        keys = [self._stream(stream), self._counter(stream)]
        async with self._link.limit():
            number = await self._append(keys=keys, args=[payload, key, keep, self._channel(stream)])
        return str(number, "ascii")

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        start = f"({after}" if after else "-"
        async with self._link.limit():
            rows = await self._link.client.xrange(self._stream(stream), min=start, max="+", count=count)
        return [
            Delivery(stream, at.decode(), fields[b"p"], 0, fields[b"k"].decode())
            for at, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
        ]

    async def last_id(self, stream: str) -> str:
        async with self._link.limit():
            rows = await self._link.client.xrevrange(self._stream(stream), count=1)
        return cast("bytes", rows[0][0]).decode() if rows else ""

    async def length(self, stream: str) -> int:
        async with self._link.limit():
            return int(await self._link.client.xlen(self._stream(stream)))

    async def lost(self, stream: str) -> int:
        async with self._link.limit():
            return int(await self._lost(keys=[self._stream(stream)], args=[self._link.name("state", stream, "")]))

    async def next(self, group: Group, consumer: str, hold_s: float) -> Delivery | float:
        async with self._link.limit():
            given = await self._next(keys=self._keys(group), args=[*self._who(group, consumer), _ms(hold_s)])
        if isinstance(given, list):
            at, payload, key, attempt = given
            return Delivery(group.stream, at.decode(), payload, int(attempt), key.decode())
        return math.inf if given < 0 else max(given / 1_000, PARKED)

    async def extend(self, held: Held, hold_s: float) -> bool:
        return await self._on(self._postpone, held, _ms(hold_s))

    async def later(self, held: Held, delay_s: float) -> None:
        await self._on(self._postpone, held, _ms(delay_s))

    async def done(self, held: Held) -> None:
        await self._on(self._done, held)

    async def give_back(self, held: Held) -> None:
        await self._on(self._give_back, held, self._channel(held.group.stream))

    async def bury(self, held: Held, letter: bytes) -> None:
        grave = dead.stream_of(held.group.stream)
        more = [self._stream(grave), self._counter(grave)]
        await self._on(self._bury, held, letter, dead.KEEP, self._channel(grave), keys=more)

    async def leave(self, group: Group, consumer: str) -> None:
        async with self._link.limit():
            await self._leave(keys=[self._stream(group.stream)], args=[group.name, consumer])

    @asynccontextmanager
    async def waking(self, stream: str) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        async with self._news.subscribe(_wake(stream), lambda _: event.set(), event.set):
            yield event

    async def _on(self, script: Any, held: Held, *args: str | bytes | int, keys: list[str] | None = None) -> bool:
        """Run a script on an entry that is held; False when it is somebody else's by now."""
        entry = held.entry
        who = self._who(held.group, held.consumer)
        async with self._link.limit():
            answer = await script(
                keys=[*self._keys(held.group), *(keys or [])], args=[*who, entry.id, entry.attempt, *args]
            )
        return bool(answer)

    def _stream(self, stream: str) -> str:
        return self._link.name("stream", stream)

    def _counter(self, stream: str) -> str:
        return self._link.name("count", stream)

    def _channel(self, stream: str) -> str:
        return self._link.name("news", _wake(stream))

    def _keys(self, group: Group) -> list[str]:
        beside = [self._link.name(kind, group.stream, group.name) for kind in ("due", "keyed", "state")]
        return [self._stream(group.stream), *beside]

    def _who(self, group: Group, consumer: str) -> list[str]:
        return [group.name, consumer, self._link.name("order", group.stream, group.name, "")]


def _wake(stream: str) -> str:
    return f"stream.{stream}"


def _ms(seconds: float) -> int:
    return min(max(0, round(seconds * 1_000)), FURTHEST_MS)
