"""How often anybody may ask: per user, per address, and how many at once, by class of route (THREATS.md §3).

The windows are those of the `limits` library (its sliding window counter), counted in our cache, so that all
processes share them. A request does not ask the cache: a process takes a block of a sixteenth of the limit and spends
it itself. What that costs in exactness: with n processes a person is refused up to (n − 1) sixteenths early, and what
was taken at the end of a window may be spent in the next half one, a sixteenth too much per process. Limits under 32
are taken one by one, and are exact up to the library's own approximation.

With the cache away each process goes on with its share (limit ÷ processes) as a token bucket of its own, and looks
for the cache once a second.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from limits import RateLimitItemPerSecond
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from vivavoce.aio import now
from vivavoce.channels.counters import Counters
from vivavoce.channels.limits import Allowance
from vivavoce.channels.proxies import is_local, neighbourhood
from vivavoce.errors import RateLimited, StorageUnavailable
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import Clock, wall

Rate = Literal["sign_in", "read", "write", "search", "export", "upload", "conversation", "live", "page"]
"""Classes of routes. `page`: files of the console, health, and whatever is nowhere declared."""

_BLOCKS: Final = 16
_KEPT: Final = 50_000
"""Shares remembered; of more the least recently used are forgotten, and ask the cache again when they come back."""
_AWAY_S: Final = 1.0
_TOLD_AT: Final = 100
_HOUR_S: Final = 3_600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` in any `seconds`, all of them at once if need be."""

    amount: int
    seconds: int


@dataclass(frozen=True, slots=True)
class ClassLimits:
    """Of one class of routes. None: not limited."""

    user: Limit | None
    address: Limit | None
    at_once: int
    """Of one user, or of one address where nobody has said who they are; in this process."""


RATES: Final[Mapping[Rate, ClassLimits]] = {
    "sign_in": ClassLimits(None, Limit(30, 60), 10),
    "read": ClassLimits(Limit(200, 4), Limit(900, 3), 50),
    "write": ClassLimits(Limit(50, 5), Limit(900, 3), 50),
    "search": ClassLimits(Limit(30, 60), Limit(60, 60), 4),
    "export": ClassLimits(Limit(30, 60), Limit(60, 60), 4),
    "upload": ClassLimits(Limit(20, 60), Limit(60, 60), 2),
    "conversation": ClassLimits(Limit(10, 60), Limit(60, 60), 5),
    "live": ClassLimits(Limit(20, 60), Limit(60, 60), 10),
    "page": ClassLimits(None, Limit(900, 3), 50),
}


class _Share:
    """What this process may still let through for one name without asking."""

    __slots__ = ("alone", "lapses", "permits", "refused", "refused_since", "shut_until")

    def __init__(self) -> None:
        self.permits = 0
        self.lapses = 0.0
        self.shut_until = 0.0
        self.alone: Allowance | None = None
        """While the cache is away."""
        self.refused = 0
        self.refused_since = 0.0


class Rates:
    """All limits of this process."""

    def __init__(
        self,
        cache: Cache,
        classes: Mapping[Rate, ClassLimits] = RATES,
        *,
        clock: Clock = wall,
        processes: Callable[[], int] = lambda: 1,
        refused: Callable[[Rate], None] = lambda _: None,
    ) -> None:
        """`processes` share the limits; `refused` hears of each refusal (a counter)."""
        self._counters = Counters(cache, clock)
        self._windows = SlidingWindowCounterRateLimiter(self._counters)
        self._classes = classes
        self._processes = processes
        self._tell = refused
        self._shares: OrderedDict[str, _Share] = OrderedDict()
        self._busy: dict[str, int] = {}
        self._away_until = 0.0

    @property
    def alone(self) -> bool:
        """The cache is away: each process limits by itself."""
        return now() < self._away_until

    async def from_address(self, rate: Rate, address: str) -> None:
        """One more request of this class from there, before it is known whose. Raises RateLimited.

        This machine's own addresses are many programs and no network; there only guessing is limited.
        """
        limit = self._classes[rate].address
        if limit is not None and (rate == "sign_in" or not is_local(address)):
            await self._spend(rate, limit, f"a/{rate}/{neighbourhood(address)}")

    async def of_user(self, rate: Rate, user: str) -> None:
        """One more request of this class by that user (empty: nobody in particular). Raises RateLimited."""
        limit = self._classes[rate].user
        if user and limit is not None:
            await self._spend(rate, limit, f"u/{rate}/{user}")

    @contextmanager
    def at_once(self, rate: Rate, address: str, user: str) -> Iterator[None]:
        """While one such request is worked on, or one such socket is open. Raises RateLimited."""
        leave = self.enter(rate, address, user)
        try:
            yield
        finally:
            leave()

    def enter(self, rate: Rate, address: str, user: str) -> Callable[[], None]:
        """The same by hand: call the result once in the end."""
        if not user and is_local(address):
            return _nothing
        name = f"{rate}/{user or neighbourhood(address)}"
        busy = self._busy.get(name, 0)
        if busy >= self._classes[rate].at_once:
            self._tell(rate)
            raise RateLimited(f"{busy} of these at once are the most", retry_after_s=1)
        self._busy[name] = busy + 1

        def leave() -> None:
            left = self._busy[name] - 1
            if left:
                self._busy[name] = left
            else:
                del self._busy[name]

        return leave

    # ── inside ────────────────────────────────────────────────────────────────────────────────────

    async def _spend(self, rate: Rate, limit: Limit, name: str) -> None:
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = _Share()
            if len(self._shares) > _KEPT:
                self._shares.popitem(last=False)
        moment = now()
        if share.permits > 0 and moment < share.lapses:
            share.permits -= 1
            return
        self._shares.move_to_end(name)
        if moment < share.shut_until:
            self._refuse(rate, share, share.shut_until - moment)
        if moment < self._away_until:
            self._spend_alone(rate, limit, share)
            return
        was_away, self._away_until = self._away_until, moment + _AWAY_S if self._away_until else 0.0
        try:
            wait = await self._take(limit, name, share)
        except StorageUnavailable:
            if not was_away:
                _log.warning("the cache is away: every process limits by itself")
            self._away_until = now() + _AWAY_S
            self._spend_alone(rate, limit, share)
            return
        self._away_until = 0.0
        share.alone = None
        if wait > 0:
            share.shut_until = now() + wait
            self._refuse(rate, share, wait)

    async def _take(self, limit: Limit, name: str, share: _Share) -> float:
        """A block for the share, of which one is spent; else the seconds until it is worth asking again."""
        window = RateLimitItemPerSecond(limit.amount, limit.seconds)
        for block in dict.fromkeys((max(1, limit.amount // _BLOCKS), 1)):
            if await self._windows.hit(window, name, cost=block):
                share.permits += block - 1
                share.lapses = now() + limit.seconds / 2
                return 0.0
        return await self._counters.wait(window.key_for(name), limit.amount, limit.seconds)

    def _spend_alone(self, rate: Rate, limit: Limit, share: _Share) -> None:
        moment = now()
        if share.alone is None:
            part = max(1.0, limit.amount / max(1, self._processes()))
            share.alone = Allowance(part / limit.seconds, part, moment)
        if not share.alone.take(1, moment):
            self._refuse(rate, share, limit.seconds / limit.amount)

    def _refuse(self, rate: Rate, share: _Share, wait: float) -> None:
        self._tell(rate)
        moment = now()
        if moment - share.refused_since > _HOUR_S:
            share.refused, share.refused_since = 0, moment
        share.refused += 1
        if share.refused == _TOLD_AT:
            _log.warning("%d requests of the class %s were refused within an hour for one caller", _TOLD_AT, rate)
        raise RateLimited("more requests than the limit allows", retry_after_s=max(wait, 0.05))


def _nothing() -> None:
    """Where nothing was counted."""
