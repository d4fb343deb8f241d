"""Resilience, written once for every port: a policy takes a source of items and gives a source of items.

A source is a function from a request to an async generator: a reply's deltas, the chunks of a speech, or the one
transcript of an utterance. `wrappers` dresses ports with policies; nothing here knows a port.
All policies close what they read from when they are closed themselves.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from vivavoce.aio import now
from vivavoce.errors import BackendBusy, BackendError, BackendTimeout, BackendUnavailable, Closed
from vivavoce.inference.breaker import Breaker
from vivavoce.inference.deadline import Deadline
from vivavoce.inference.translate import final

R = TypeVar("R")
T = TypeVar("T")
Source = Callable[[R], AsyncGenerator[T, None]]


class Policy(Protocol):
    def __call__(self, source: Source[R, T], /) -> Source[R, T]: ...


# ── time ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for the first item, for each later one, and in sum. A slow reader does not count."""

    first_s: float
    between_s: float
    whole_s: float


def with_timeout(patience: Patience) -> Policy:
    """BackendTimeout when the source keeps us waiting; what it was doing is cancelled."""

    def policy(source: Source[R, T]) -> Source[R, T]:
        async def limited(request: R) -> AsyncGenerator[T, None]:
            left, limit = patience.whole_s, patience.first_s
            deadline = Deadline()
            try:
                async with aclosing(source(request)) as items:
                    while True:
                        begun = now()
                        try:
                            with deadline.set(min(limit, left)):
                                item = await anext(items)
                        except StopAsyncIteration:
                            return
                        except TimeoutError:
                            raise BackendTimeout(f"no answer within {min(limit, left):g} s") from None
                        left -= now() - begun
                        yield item
                        limit = patience.between_s
            finally:
                deadline.close()

        return limited

    return policy


# ── amount ────────────────────────────────────────────────────────────────────────────────────────


def with_ceiling(most: int, unit: str, size: Callable[[object], int]) -> Policy:
    """BackendError when the items together are larger than `most`: a model that runs away is stopped."""

    def policy(source: Source[R, T]) -> Source[R, T]:
        async def bounded(request: R) -> AsyncGenerator[T, None]:
            left = most
            async with aclosing(source(request)) as items:
                async for item in items:
                    left -= size(item)
                    if left < 0:
                        raise final(f"the answer ran past {most:,} {unit} and was stopped")
                    yield item

        return bounded

    return policy


# ── concurrency ───────────────────────────────────────────────────────────────────────────────────


def with_limit(at_once: int, waiting: int, wait_s: float) -> Policy:
    """At most `at_once` requests run; `waiting` more wait up to `wait_s`, in order; the rest get BackendBusy."""

    def policy(source: Source[R, T]) -> Source[R, T]:
        places = asyncio.Semaphore(at_once)
        queue = 0

        async def take_place() -> None:
            nonlocal queue
            if not places.locked():
                await places.acquire()
                return
            if queue >= waiting:
                raise BackendBusy(f"too busy: {at_once} requests run and {waiting} wait")
            queue += 1
            try:
                async with asyncio.timeout(wait_s):
                    await places.acquire()
            except TimeoutError:
                raise BackendBusy(f"too busy: no place free within {wait_s:g} s") from None
            finally:
                queue -= 1

        async def limited(request: R) -> AsyncGenerator[T, None]:
            await take_place()
            try:
                async with aclosing(source(request)) as items:
                    async for item in items:
                        yield item
            finally:
                places.release()

        return limited

    return policy


# ── another try, another source ───────────────────────────────────────────────────────────────────


def with_retry(tries: int, pause_s: float = 0.2, chance: Callable[[], float] = random.random) -> Policy:
    """Try up to `tries` times, but never after an item has left, and only what may be tried again.

    The pauses are `pause_s`, twice, four times … as long, each shortened by up to half at random, so that
    sessions which failed together do not come back together.
    """

    def policy(source: Source[R, T]) -> Source[R, T]:
        async def retried(request: R) -> AsyncGenerator[T, None]:
            for failed in range(1, tries + 1):
                begun = False
                try:
                    async with aclosing(source(request)) as items:
                        async for item in items:
                            begun = True
                            yield item
                    return
                except BackendError as error:
                    if begun or not error.retryable or failed == tries:
                        raise
                await asyncio.sleep(pause_s * 2 ** (failed - 1) * (1 - chance() / 2))

        return retried

    return policy


def first_that_works(*sources: Source[R, T]) -> Source[R, T]:
    """Ask the first source; when it fails before its first item, the next one, and so on."""

    async def chained(request: R) -> AsyncGenerator[T, None]:
        for place, source in enumerate(sources, 1):
            begun = False
            try:
                async with aclosing(source(request)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except BackendError:
                if begun or place == len(sources):
                    raise

    return chained


def with_breaker(failures: int = 5, within_s: float = 30.0, rest_s: float = 10.0) -> Policy:
    """After `failures` within `within_s` refuse at once with BackendUnavailable; after `rest_s` let one try.

    A request that would fail again whoever makes it (`final`) says nothing of the back-end: one client that asks for
    what cannot be must not shut it for all others. Nor does BackendBusy: to refuse everybody is no cure for a crowd.
    """

    def policy(source: Source[R, T]) -> Source[R, T]:
        breaker = Breaker(failures, within_s, rest_s)

        async def guarded(request: R) -> AsyncGenerator[T, None]:
            wait_s = breaker.admit(now())
            if wait_s is not None:
                raise BackendUnavailable(f"it failed {failures} times and is left alone for {wait_s:.0f} s more")
            told = False
            try:
                async with aclosing(source(request)) as items:
                    async for item in items:
                        if not told:
                            told = True
                            breaker.worked()
                        yield item
                told = True
                breaker.worked()
            except BackendError as error:
                if error.retryable or isinstance(error, BackendUnavailable):
                    told = True
                    breaker.failed(now())
                raise
            finally:
                if not told:
                    # The reader left before the first item, or asked for what cannot be: no proof either way.
                    breaker.left(now())

        return guarded

    return policy


# ── measuring ─────────────────────────────────────────────────────────────────────────────────────

PortName = Literal["asr", "llm", "tts"]
Outcome = Literal["done", "stopped", "failed", "timeout", "busy", "unavailable", "bug"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One request to a back-end: seconds to its first item (None: there was none) and to its end."""

    port: PortName
    backend: str
    outcome: Outcome
    first_s: float | None
    whole_s: float


class Observer(Protocol):
    """Hears of every request when it has ended. Must not raise and must not block."""

    def measured(self, request: Measured) -> None: ...


def timed(observer: Observer, port: PortName, backend: str) -> Policy:
    def policy(source: Source[R, T]) -> Source[R, T]:
        async def observed(request: R) -> AsyncGenerator[T, None]:
            begun, first_s = now(), None
            outcome: Outcome = "bug"
            try:
                async with aclosing(source(request)) as items:
                    async for item in items:
                        if first_s is None:
                            first_s = now() - begun
                        yield item
                outcome = "done"
            except (GeneratorExit, asyncio.CancelledError, Closed):
                outcome = "stopped"
                raise
            except BackendError as error:
                outcome = _outcome(error)
                raise
            finally:
                observer.measured(Measured(port, backend, outcome, first_s, now() - begun))

        return observed

    return policy


def _outcome(error: BackendError) -> Outcome:
    if isinstance(error, BackendTimeout):
        return "timeout"
    if isinstance(error, BackendBusy):
        return "busy"
    return "unavailable" if isinstance(error, BackendUnavailable) else "failed"
