"""The port: publish and subscribe for what may be missed, streams with consumer groups for what may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class News:
    """One message on a channel."""

    channel: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """One entry of a stream, given to one consumer of a group. `attempt` counts from 1."""

    stream: str
    id: str
    payload: bytes
    attempt: int


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when an entry is tried again: `first_s`, doubling to `most_s`, ± half of it at random.

    After `attempts` it goes to the stream `{stream}.dead` with the reason. An entry whose consumer says nothing for
    `claim_s` is given to another one.
    """

    attempts: int = 5
    first_s: float = 1.0
    most_s: float = 300.0
    claim_s: float = 60.0


Handler = Callable[[Delivery], Awaitable[None]]
"""Returns when the work is done for good; raises to have it tried again."""


class Bus(Protocol):
    """All methods raise StorageUnavailable when the bus is away."""

    async def publish(self, channel: str, payload: bytes) -> None:
        """To whoever subscribes now, at most once, in order per channel."""
        ...

    def subscribe(self, channel: str, take: Callable[[News], None]) -> AbstractAsyncContextManager[None]:
        """Until left, `take` is called on the loop for each message. After a loss of the bus it subscribes again by
        itself. `take` must neither block nor raise.
        """
        ...

    @property
    def silent_s(self) -> float:
        """Seconds since the bus proved that it delivers; 0 in one process. Beyond 5 nobody may rely on its news."""
        ...

    async def append(self, stream: str, payload: bytes, *, keep: int = 100_000) -> str:
        """Add to a stream, durably; older entries than the newest `keep` go. Its id."""
        ...

    async def consume(self, stream: str, group: str, consumer: str, handle: Handler, retry: Retry = Retry()) -> None:
        """Work on the stream's entries, one at a time, until cancelled. Each entry goes to one consumer of a group."""
        ...

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        """Entries after that id, oldest first: for whoever comes late or has missed some."""
        ...

    async def length(self, stream: str) -> int: ...
