"""The worker loop of `consume`, over any ledger: hold, work, extend the hold, then done, later or dead.

A ledger that fails, in whatever way (a full disk is one), is asked again; the loop ends only when it is cancelled.

While the handler works its entry stays held; each third of `claim_s` the hold is extended. A hold that could not be
extended in time is somebody else's: then the handler is stopped, so that no two ever work on one entry. The clocks
of two machines need only run equally fast for that; they need not agree.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from vivavoce import aio
from vivavoce.errors import StorageError, VivavoceError
from vivavoce.storage.bus.dead import DeadLetter
from vivavoce.storage.bus.ledger import Group, Held, Ledger
from vivavoce.storage.bus.port import Delivery, Handler, Retry

POLL_S = 1.0
"""Nobody waits longer than this for what he was not woken for."""
AWAY_S = 0.5
"""Between two tries while the store is away."""
FAREWELL_S = 1.0
"""What a worker that is stopped may spend on giving back what it holds."""

_log = logging.getLogger(__name__)


class Worker:
    """One consumer of one group."""

    def __init__(self, ledger: Ledger, group: Group, consumer: str, retry: Retry) -> None:
        self._ledger = ledger
        self._group = group
        self._consumer = consumer
        self._retry = retry
        self._well = True

    async def run(self, handle: Handler) -> None:
        """Until cancelled."""
        async with self._ledger.waking(self._group.stream) as woken:
            try:
                while True:
                    await self._step(handle, woken)
            finally:
                await self._farewell(lambda: self._ledger.leave(self._group, self._consumer))

    async def _step(self, handle: Handler, woken: asyncio.Event) -> None:
        woken.clear()
        asked = aio.now()
        try:
            given = await self._ledger.next(self._group, self._consumer, self._retry.claim_s)
        except StorageError as error:
            self._complain(error)
            await asyncio.sleep(AWAY_S)
            return
        self._well = True
        if isinstance(given, Delivery):
            await self._work(given, asked, handle)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(given, POLL_S)):
                await woken.wait()

    async def _work(self, entry: Delivery, asked: float, handle: Handler) -> None:
        held = Held(self._group, self._consumer, entry)
        if entry.attempt > self._retry.attempts:  # those who tried died of it
            await self._settle(lambda: self._bury(held, "consumer_lost"), asked)
            return
        hold = asyncio.timeout_at(asked + self._retry.claim_s)
        failure: str | None = None
        finished = False
        try:
            async with hold, asyncio.TaskGroup() as tasks:
                keeping = aio.spawn(tasks, self._keep(held, hold), f"hold {entry.stream} {entry.id}")
                try:
                    failure = await _tried(handle, entry)
                    finished = True
                finally:
                    keeping.cancel()
        except TimeoutError:
            _log.warning("stream %s: entry %s was taken over by another worker", entry.stream, entry.id)
            return
        except asyncio.CancelledError:
            await self._farewell(lambda: self._close(held, failure) if finished else self._ledger.give_back(held))
            raise
        await self._settle(lambda: self._close(held, failure), aio.now())

    async def _keep(self, held: Held, hold: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(self._retry.claim_s / 3)
            asked = aio.now()
            try:
                mine = await self._ledger.extend(held, self._retry.claim_s)
            except StorageError:
                continue
            if not mine:
                hold.reschedule(aio.now())
                return
            hold.reschedule(asked + self._retry.claim_s)

    async def _close(self, held: Held, failure: str | None) -> None:
        entry, retry = held.entry, self._retry
        if failure is None:
            await self._ledger.done(held)
        elif entry.attempt >= retry.attempts:
            await self._bury(held, failure)
        else:
            delay = min(retry.first_s * 2.0 ** (entry.attempt - 1), retry.most_s) * random.uniform(0.5, 1.5)
            _log.info("stream %s: %s at attempt %d, again in %.1f s", entry.stream, failure, entry.attempt, delay)
            await self._ledger.later(held, delay)

    async def _bury(self, held: Held, reason: str) -> None:
        entry = held.entry
        attempts = min(entry.attempt, self._retry.attempts)
        _log.error("stream %s: entry %s given up after %d attempts: %s", entry.stream, entry.id, attempts, reason)
        await self._ledger.bury(held, bytes(DeadLetter.of(entry, self._group.name, attempts, reason)))

    async def _settle(self, step: Callable[[], Awaitable[None]], since: float) -> None:
        """Carry out `step` once the store is there; given up when the hold has run out, for it is done again then."""
        while True:
            try:
                await step()
                return
            except StorageError as error:
                self._complain(error)
                if aio.now() > since + self._retry.claim_s:
                    return
                await asyncio.sleep(AWAY_S)
            except asyncio.CancelledError:
                await self._farewell(step)  # it may have been done already, and then does nothing
                raise

    def _complain(self, error: StorageError) -> None:
        """Once, until all is well again."""
        if self._well:
            _log.warning("stream %s: waiting for the bus: %s", self._group.stream, error.message)
        self._well = False

    async def _farewell(self, step: Callable[[], Awaitable[None]]) -> None:
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await step()


async def _tried(handle: Handler, entry: Delivery) -> str | None:
    """What went wrong, in a word; None when it is done."""
    try:
        await handle(entry)
    except VivavoceError as error:
        return f"{type(error).__name__}: {error.code}"
    except Exception as error:  # noqa: BLE001 — the worker's supervisor: one fault must not end the work on the others
        _log.exception("stream %s: the handler has a fault", entry.stream)
        return type(error).__name__
    return None
