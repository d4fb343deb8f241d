"""The storage that the `limits` library counts in: our cache, in this process or in Redis."""

from __future__ import annotations

from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport

from vivavoce.errors import StorageUnavailable
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import SECOND, Clock


class Counters(Storage, SlidingWindowCounterSupport):
    """Windows begin at whole multiples of their length, so that all processes mean the same ones.

    All methods raise StorageUnavailable when the cache is away.
    """

    STORAGE_SCHEME = None

    def __init__(self, cache: Cache, clock: Clock) -> None:
        super().__init__()
        self._cache = cache
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageUnavailable

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` if the weighted sum of both windows stays within `limit`.

        Counted first and taken back if it was too much: two that come at once may both be refused, never both let in.
        """
        window, into = self._window(expiry)
        previous = await self._cache.count(f"{key}/{window - 1}", 0, 2 * expiry)
        current = await self._cache.count(f"{key}/{window}", amount, 2 * expiry)
        if previous * (1 - into / expiry) + current <= limit:
            return True
        await self._cache.count(f"{key}/{window}", -amount, 2 * expiry)
        return False

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Count and remaining seconds of the previous window's weight, then of the current window."""
        window, into = self._window(expiry)
        previous = await self._cache.count(f"{key}/{window - 1}", 0, 2 * expiry)
        current = await self._cache.count(f"{key}/{window}", 0, 2 * expiry)
        return previous, expiry - into, current, 2 * expiry - into

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        window, _ = self._window(expiry)
        await self._cache.drop(f"{key}/{window - 1}", f"{key}/{window}")

    async def wait(self, key: str, limit: int, expiry: int) -> float:
        """Seconds until one more would be within the limit, if nobody else asks meanwhile."""
        previous, left, current, _ = await self.get_sliding_window(key, expiry)
        if current < limit:
            # The previous window's weight falls until there is room for one.
            return max(0.0, left - expiry * (limit - current - 1) / previous) if previous else 0.0
        return left + expiry * (1 - (limit - 1) / current)

    def _window(self, expiry: int) -> tuple[int, float]:
        number, into = divmod(self._clock(), expiry * SECOND)
        return number, into / SECOND

    # ── what the sliding window does not use, but the library's interface has ─────────────────────

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return await self._cache.count(key, amount, expiry)

    async def get(self, key: str) -> int:
        return await self._cache.count(key, 0, 1)

    async def get_expiry(self, key: str) -> float:
        return self._clock() / SECOND

    async def check(self) -> bool:
        try:
            await self._cache.get("limits")
        except StorageUnavailable:
            return False
        return True

    async def reset(self) -> int | None:
        return None

    async def clear(self, key: str) -> None:
        await self._cache.drop(key)
