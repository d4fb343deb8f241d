"""Who works on which entry: what a stream's store has to know, for the one worker loop in work.py.

Three keep it: heap.py in memory, rows.py in the database, redis_streams.py in Redis. An entry that was given to a
consumer is *held* until a moment, and somebody else's after it. An entry whose key has an earlier one that is not
done is *parked*: nobody gets it before.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from vivavoce.storage.bus.port import Delivery


@dataclass(frozen=True, slots=True)
class Group:
    stream: str
    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """An entry, whose it is, and the how many-th attempt: nobody else holds the same."""

    group: Group
    consumer: str
    entry: Delivery


class Ledger(Protocol):
    """All methods raise StorageUnavailable when the store is away. Those that take a `Held` do nothing, and `extend`
    gives False, when it is not held any more.
    """

    async def append(self, stream: str, payload: bytes, key: str, keep: int) -> str: ...

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]: ...

    async def last_id(self, stream: str) -> str: ...

    async def length(self, stream: str) -> int: ...

    async def lost(self, stream: str) -> int: ...

    async def next(self, group: Group, consumer: str, hold_s: float) -> Delivery | float:
        """The first entry that somebody may work on, held for `hold_s`; or the seconds until there may be one."""
        ...

    async def extend(self, held: Held, hold_s: float) -> bool: ...

    async def done(self, held: Held) -> None: ...

    async def later(self, held: Held, delay_s: float) -> None:
        """Not done: to be given again after that time."""
        ...

    async def give_back(self, held: Held) -> None:
        """As if it had not been given."""
        ...

    async def bury(self, held: Held, letter: bytes) -> None:
        """To the dead letters, and done, in one step."""
        ...

    def waking(self, stream: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set whenever something is added to the stream."""
        ...

    async def leave(self, group: Group, consumer: str) -> None:
        """That consumer does not come again."""
        ...
