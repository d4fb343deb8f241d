"""Streams in memory: they end with the process. For tests, and for tools that need no durable ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from vivavoce import aio
from vivavoce.storage.bus import dead
from vivavoce.storage.bus.ledger import Group, Held
from vivavoce.storage.bus.port import Delivery
from vivavoce.storage.bus.wakes import Wakes


@dataclass(slots=True)
class _Undone:
    consumer: str
    attempts: int
    due: float
    key: str


@dataclass(slots=True)
class _Group:
    last: int = 0
    lost: int = 0
    undone: dict[int, _Undone] = field(default_factory=dict)
    """By id, in their order."""

    def blocked(self, number: int, key: str) -> bool:
        return key != "" and any(other < number and one.key == key for other, one in self.undone.items())

    def close(self, number: int) -> None:
        """Done with it; the next one of its key may begin."""
        closed = self.undone.pop(number)
        for one in self.undone.values():
            if closed.key and one.key == closed.key:
                one.due = min(one.due, aio.now())
                return


@dataclass(slots=True)
class _Stream:
    entries: dict[int, Delivery] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)


class HeapStreams(Wakes):
    """`Ledger` in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[str, _Stream] = {}
        self._last = 0

    async def append(self, stream: str, payload: bytes, key: str, keep: int) -> str:
        self._last += 1
        it = self._stream(stream)
        it.entries[self._last] = Delivery(stream, str(self._last), payload, 0, key)
        if len(it.entries) > keep + keep // 10:
            _trim(it, keep)
        self.wake(stream)
        return str(self._last)

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        start = int(after or 0)
        return [entry for number, entry in self._stream(stream).entries.items() if number > start][:count]

    async def last_id(self, stream: str) -> str:
        return str(next(reversed(self._stream(stream).entries), ""))

    async def length(self, stream: str) -> int:
        return len(self._stream(stream).entries)

    async def lost(self, stream: str) -> int:
        return sum(group.lost for group in self._stream(stream).groups.values())

    async def next(self, group: Group, consumer: str, hold_s: float) -> Delivery | float:
        it, now = self._group(group), aio.now()
        entries = self._stream(group.stream).entries
        for number, entry in entries.items():
            if number > it.last:
                it.last = number
                it.undone[number] = _Undone(consumer, 0, math.inf if it.blocked(number, entry.key) else now, entry.key)
            undone = it.undone.get(number)
            if undone is not None and undone.due <= now:
                undone.consumer, undone.attempts, undone.due = consumer, undone.attempts + 1, now + hold_s
                return replace(entry, attempt=undone.attempts)
        return max(0.0, min((one.due for one in it.undone.values()), default=math.inf) - now)

    async def extend(self, held: Held, hold_s: float) -> bool:
        undone = self._held(held)
        if undone is not None:
            undone.due = aio.now() + hold_s
        return undone is not None

    async def done(self, held: Held) -> None:
        if self._held(held) is not None:
            self._group(held.group).close(int(held.entry.id))

    async def later(self, held: Held, delay_s: float) -> None:
        undone = self._held(held)
        if undone is not None:
            undone.due = aio.now() + delay_s

    async def give_back(self, held: Held) -> None:
        undone = self._held(held)
        if undone is not None:
            undone.attempts -= 1
            undone.due = aio.now()
            self.wake(held.group.stream)

    async def bury(self, held: Held, letter: bytes) -> None:
        if self._held(held) is not None:
            await self.append(dead.stream_of(held.group.stream), letter, "", dead.KEEP)
            await self.done(held)

    async def leave(self, group: Group, consumer: str) -> None:
        return

    def _stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def _group(self, group: Group) -> _Group:
        return self._stream(group.stream).groups.setdefault(group.name, _Group())

    def _held(self, held: Held) -> _Undone | None:
        undone = self._group(held.group).undone.get(int(held.entry.id))
        mine = undone is not None and (undone.consumer, undone.attempts) == (held.consumer, held.entry.attempt)
        return undone if mine else None


def _trim(stream: _Stream, keep: int) -> None:
    gone = list(stream.entries)[:-keep]
    for number in gone:
        del stream.entries[number]
        for group in stream.groups.values():
            if number > group.last:
                group.lost += 1
                group.last = number
            elif number in group.undone:
                group.lost += 1
                group.close(number)
