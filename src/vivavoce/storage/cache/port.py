"""The port. Both twins pass `vivavoce.testing.conformance_storage`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol


class Cache(Protocol):
    """Keys are text of at most 200 characters, values bytes of at most 1 MiB, times in seconds, a day at most.

    All methods but `once` raise StorageUnavailable when the cache is away; nobody may depend on it for the truth.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        """Keep `value` for `ttl_s`; it goes earlier when one of its tags is invalidated, or the oldest when full."""
        ...

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep it only where there is none; False when there was one. Atomic among all processes."""
        ...

    async def take(self, key: str) -> bytes | None:
        """The value, and nobody gets it again. Atomic among all processes: what is used once lives here."""
        ...

    async def drop(self, *keys: str) -> None: ...

    async def invalidate(self, *tags: str) -> None:
        """Forget everything with one of these tags, in every process, before this returns.

        Raises StorageUnavailable when the cache is away; it is made up for when the cache is back.
        """
        ...

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        """Add to a counter that begins at 0 and runs out `ttl_s` after its first count; its new value.

        `get` gives it in decimal digits.
        """
        ...

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        """The value, made by `make` if there is none; of all who ask at once in this process only one makes it.

        What `make` raises, all of them get, and nothing is kept. An invalidation during the making wins: the value
        is handed out but not kept, and who asks after it has it made anew. When one who asks is cancelled, the
        others do not notice. With the cache away the value is made each time.
        """
        ...
