"""Slots of this process: one processor, a bounded number of leases, one FIFO queue in front of them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles

from vivavoce import aio
from vivavoce.conversation.inputs import Kind
from vivavoce.conversation.outputs import Queued
from vivavoce.conversation.views import Processor, ProcessorInfo, SessionSpec
from vivavoce.errors import Refused

MEASURED = 64
"""Leases whose durations are remembered for the ETA."""
UNMEASURED_S = 120.0
"""Assumed length of a lease before any was measured."""
RETRY_FULL_S = 60.0


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """`slots` leases at once, `queue` waiting behind them, each for at most `wait_s` seconds."""

    slots: int = 400
    queue: int = 100
    wait_s: float = 600.0


@dataclass(slots=True)
class _Ticket:
    name: str
    granted: asyncio.Future[None]
    on_wait: Callable[[Queued], None]
    told: bool = False


class LocalLease:
    """A slot of a `LocalPool`."""

    def __init__(self, pool: LocalPool, kind: Kind, waited_ms: int) -> None:
        self._pool = pool
        self._kind = kind
        self._since = aio.now()
        self._held = True
        pool._held[kind] += 1
        self.waited_ms = waited_ms

    @property
    def processor(self) -> Processor:
        return self._pool.processor

    def release(self) -> None:
        if self._held:
            self._held = False
            self._pool._give_back(self._kind, aio.now() - self._since)


class LocalPool:
    """Satisfies conversation/leases.py `Leases`. A grant is first come, first served; nothing overtakes."""

    def __init__(self, processor: Processor, settings: PoolSettings) -> None:
        self.processor = processor
        self._settings = settings
        self._free = settings.slots
        self._held: Counter[Kind] = Counter()
        self._queue: OrderedDict[str, _Ticket] = OrderedDict()
        self._numbers = itertools.count(1)
        self._durations: dict[Kind, list[float]] = {"duplex": [], "streaming": []}
        """Of the latest leases: those of sessions and those of turns differ by orders of magnitude."""

    @property
    def info(self) -> ProcessorInfo:
        return self.processor.info

    @property
    def busy(self) -> int:
        """Slots held now."""
        return self._settings.slots - self._free

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def acquire(self, spec: SessionSpec, on_wait: Callable[[Queued], None]) -> LocalLease:
        if self._free and not self._queue:
            self._free -= 1
            return LocalLease(self, spec.kind, 0)
        if len(self._queue) >= self._settings.queue:
            raise Refused(
                f"{len(self._queue)} people are waiting already; try again in a minute",
                code="queue_full",
                retry_after_s=RETRY_FULL_S,
            )
        ticket = _Ticket(f"t{next(self._numbers)}", asyncio.get_running_loop().create_future(), on_wait)
        self._queue[ticket.name] = ticket
        self._tell()
        began = aio.now()
        try:
            async with asyncio.timeout(self._settings.wait_s):
                await ticket.granted
        except TimeoutError:
            self._leave(ticket)
            raise Refused("the wait was too long", code="overloaded", retry_after_s=RETRY_FULL_S) from None
        except asyncio.CancelledError:
            self._leave(ticket)
            raise
        return LocalLease(self, spec.kind, round((aio.now() - began) * 1000))

    def _leave(self, ticket: _Ticket) -> None:
        """A ticket gives up. Where its grant crossed that, the slot goes to the next."""
        if self._queue.pop(ticket.name, None) is not None:
            self._tell()
        elif ticket.granted.done() and not ticket.granted.cancelled():
            self._free += 1
            self._grant()

    def _give_back(self, kind: Kind, held_s: float) -> None:
        self._held[kind] -= 1
        durations = self._durations[kind]
        durations.append(held_s)
        del durations[:-MEASURED]
        self._free += 1
        self._grant()

    def _grant(self) -> None:
        while self._free and self._queue:
            _, ticket = self._queue.popitem(last=False)
            if ticket.granted.done():  # cancelled a moment ago; its `_leave` has yet to run
                continue
            self._free -= 1
            ticket.granted.set_result(None)
        self._tell()

    def _tell(self) -> None:
        """Every place in the queue, at every change."""
        low, middle, high = self._spread()
        length = len(self._queue)
        for position, ticket in enumerate(self._queue.values(), start=1):
            # One slot comes free each `duration / slots` seconds on the average.
            share = position / self._settings.slots
            ticket.on_wait(
                Queued(
                    ticket.name,
                    position,
                    length,
                    round(middle * share, 1),
                    (round(low * share, 1), round(high * share, 1)),
                    update=ticket.told,
                )
            )
            ticket.told = True

    def _spread(self) -> tuple[float, float, float]:
        """The 10th, 50th and 90th percentile of the durations of leases like those held now, in seconds."""
        measured = [s for kind, many in self._durations.items() if self._held[kind] for s in many]
        if len(measured) < 2:
            known = measured[0] if measured else UNMEASURED_S
            return known / 2, known, known * 2
        cuts = quantiles(measured, n=10, method="inclusive")
        return cuts[0], cuts[4], cuts[8]
