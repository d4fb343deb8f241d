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
    """One entry of a stream, given to one consumer of a group. `attempt` counts from 1 (0: only read)."""

    stream: str
    id: str
    payload: bytes
    attempt: int
    key: str = ""


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


DEFAULT_RETRY = Retry()

Handler = Callable[[Delivery], Awaitable[None]]
"""Returns when the work is done for good; raises to have it tried again."""


class Bus(Protocol):
    """All methods raise StorageUnavailable when the bus is away, but for those that say what they do then."""

    async def publish(self, channel: str, payload: bytes) -> None:
        """To whoever subscribes now, at most once, in order per channel and publisher."""
        ...

    def subscribe(
        self, channel: str, take: Callable[[News], None], missed: Callable[[], None] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Until left, `take` is called on the loop for each message. Neither callback may block or raise.

        After a loss of the bus it subscribes again by itself, and then calls `missed`: news may have been lost, so
        whoever keeps what the news would have changed forgets it. With the bus away entering waits one second at
        most, goes on, and `missed` tells when the subscription has begun.
        """
        ...

    @property
    def silent_s(self) -> float:
        """Seconds since the bus proved that it delivers; 0 in one process. Beyond 5 nobody may rely on its news."""
        ...

    async def append(self, stream: str, payload: bytes, *, key: str = "", keep: int = 100_000) -> str:
        """Add to a stream, durably; its id. Entries of one `key` are worked on in the order of their ids.

        Of a stream longer than `keep` the oldest go, about a tenth at a time; those that a group had not done are
        counted (`lost`). What must be told exactly when a transaction is committed goes through the outbox; within a
        transaction of SQLite an append would wait for it in vain.
        """
        ...

    async def consume(
        self, stream: str, group: str, consumer: str, handle: Handler, retry: Retry = DEFAULT_RETRY
    ) -> None:
        """Work on the stream's entries, one at a time, until cancelled; all that was appended, in a new group too.

        Each entry is worked on by one consumer of a group at a time, and none while an earlier one of its key is not
        done. At least once: a consumer that dies after the work and before it could say so has it done again. While
        the bus is away it waits. `consumer` is a name that no other running consumer has.
        """
        ...

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        """At most `count` entries after that id (`""`: from the first), oldest first: for whoever comes late."""
        ...

    async def last_id(self, stream: str) -> str:
        """The id of the newest entry there ever was as far as the bus knows, or `""`."""
        ...

    async def length(self, stream: str) -> int: ...

    async def lost(self, stream: str) -> int:
        """Entries that were trimmed before every group had done them, since the stream began."""
        ...
