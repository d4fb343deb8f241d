"""The worker loop, in virtual time: minutes of waiting cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce import aio
from vivavoce.errors import StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.bus.heap import HeapStreams
from vivavoce.storage.bus.ledger import Group, Held
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import DEFAULT_RETRY, Delivery, Retry
from vivavoce.storage.bus.work import Worker
from vivavoce.testing import virtual
from vivavoce.testing.conformance_storage import Handling, Seen, working


class Faulty(HeapStreams):
    """Streams that can be away or full, or say that a hold is lost."""

    away = False
    fault: StorageError = StorageUnavailable("away")
    lost_holds = False

    async def next(self, group: Group, consumer: str, hold_s: float) -> Delivery | float:
        self._come()
        return await super().next(group, consumer, hold_s)

    async def extend(self, held: Held, hold_s: float) -> bool:
        self._come()
        return not self.lost_holds and await super().extend(held, hold_s)

    async def done(self, held: Held) -> None:
        self._come()
        await super().done(held)

    def _come(self) -> None:
        if self.away:
            raise self.fault


@asynccontextmanager
async def worker(
    ledger: HeapStreams, handle: Callable[[Delivery], object], retry: Retry = DEFAULT_RETRY
) -> AsyncIterator[None]:
    async def call(entry: Delivery) -> None:
        answer = handle(entry)
        if asyncio.iscoroutine(answer):
            await answer

    async with asyncio.TaskGroup() as tasks:
        task = aio.spawn(tasks, Worker(ledger, Group("s", "g"), "me", retry).run(call), "worker")
        yield
        task.cancel()


async def test_the_waits_between_tries_double_up_to_the_longest_give_or_take_half() -> None:
    bus = MemoryBus()
    tries: Seen[float] = Seen()

    async def fails(entry: Delivery) -> None:
        tries.take(aio.now())
        raise ValueError("words of a person")

    await bus.append("s", b"x")
    async with asyncio.TaskGroup() as tasks:
        retry = Retry(attempts=6, first_s=10, most_s=100)
        task = aio.spawn(tasks, bus.consume("s", "g", "me", fails, retry), "consumer")
        await tries.reach(6)
        task.cancel()
    waits = [later - earlier for earlier, later in pairwise(tries)]
    for wait, middle in zip(waits, (10, 20, 40, 80, 100), strict=True):
        assert 0.5 * middle <= wait <= 1.5 * middle + 1.1  # somebody looks each second
    assert len(set(waits)) == 5


async def test_the_words_of_an_error_are_in_no_dead_letter(caplog: pytest.LogCaptureFixture) -> None:
    bus = MemoryBus()

    async def fails(entry: Delivery) -> None:
        raise ValueError("words of a person")

    await bus.append("s", b"x")
    async with asyncio.TaskGroup() as tasks:
        task = aio.spawn(tasks, bus.consume("s", "g", "me", fails, Retry(attempts=1)), "consumer")
        letters = Seen[Delivery]()

        async def read(entry: Delivery) -> None:
            letters.take(entry)

        grave = aio.spawn(tasks, bus.consume("s.dead", "g", "me", read), "grave")
        await letters.reach(1)
        task.cancel()
        grave.cancel()
    assert b"words" not in letters[0].payload
    assert b"ValueError" in letters[0].payload


async def test_a_handler_whose_hold_is_lost_is_stopped() -> None:
    ledger = Faulty()
    begun, stopped = asyncio.Event(), Seen[float]()

    async def endless(entry: Delivery) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.take(aio.now())

    await ledger.append("s", b"x", "", 10)
    async with worker(ledger, endless):
        await begun.wait()
        ledger.lost_holds = True
        await stopped.reach(1)
    assert stopped[0] == pytest.approx(20)  # at the next look, a third of 60 s


async def test_a_handler_is_stopped_before_its_hold_runs_out_unseen() -> None:
    """The store is away for longer than the hold: somebody else may have the entry by then."""
    ledger = Faulty()
    begun, stopped = asyncio.Event(), Seen[float]()

    async def endless(entry: Delivery) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.take(aio.now())

    await ledger.append("s", b"x", "", 10)
    async with worker(ledger, endless):
        await begun.wait()
        ledger.away = True
        await stopped.reach(1)
    assert stopped[0] == pytest.approx(60)


async def test_what_was_done_while_the_store_was_away_is_not_done_again() -> None:
    ledger = Faulty()
    handled = Seen[bytes]()

    def handle(entry: Delivery) -> None:
        ledger.away = True
        handled.take(entry.payload)

    await ledger.append("s", b"1", "", 10)
    await ledger.append("s", b"2", "", 10)
    async with worker(ledger, handle):
        await handled.reach(1)
        await asyncio.sleep(30)
        ledger.away = False
        await handled.reach(2)
    assert handled == [b"1", b"2"]


@pytest.mark.parametrize("fault", [StorageUnavailable("away"), StorageFull("full"), StorageError("a deadlock")])
async def test_a_worker_waits_for_a_store_that_fails(fault: StorageError) -> None:
    ledger = Faulty()
    ledger.away, ledger.fault = True, fault
    handled = Seen[bytes]()
    await ledger.append("s", b"1", "", 10)
    async with worker(ledger, lambda entry: handled.take(entry.payload)):
        await asyncio.sleep(100)
        ledger.away = False
        await handled.reach(1)
    assert aio.now() < 101


async def test_a_worker_that_is_stopped_after_the_work_says_that_it_is_done() -> None:
    bus = MemoryBus()
    handle = Handling()
    await bus.append("s", b"1")
    async with working(bus, handle):
        await handle.done.reach(1)
    other = Handling()
    async with working(bus, other, me="other"):
        await bus.append("s", b"2")
        await other.done.reach(1)
    assert (handle.given, other.given) == ([(b"1", 1)], [(b"2", 1)])


@given(
    entries=st.lists(st.tuples(st.sampled_from("abc "), st.integers(0, 4)), max_size=20),
    consumers=st.integers(1, 3),
    slowness=st.floats(0, 3),
)
def test_whatever_fails_each_key_keeps_its_order_and_nothing_is_lost(
    entries: list[tuple[str, int]], consumers: int, slowness: float
) -> None:
    """`entries`: key (a blank is none) and how often its handler fails; four times or more is for ever."""

    async def scenario() -> tuple[list[int], list[int]]:
        bus, done, running = MemoryBus(), Seen[int](), set[str]()

        async def handle(entry: Delivery) -> None:
            number = int(entry.payload)
            assert entry.key == "" or entry.key not in running
            running.add(entry.key)
            await asyncio.sleep(slowness)
            running.discard(entry.key)
            if entry.attempt <= entries[number][1]:
                raise StorageUnavailable("not now")
            done.take(number)

        async def bury(entry: Delivery) -> None:
            dead.append(number_of(entry))
            done.take(-1)

        dead: list[int] = []
        for number, (key, _) in enumerate(entries):
            await bus.append("s", b"%d" % number, key=key.strip())
        async with asyncio.TaskGroup() as tasks:
            work = [
                aio.spawn(tasks, bus.consume("s", "g", f"c{n}", handle, Retry(attempts=4, first_s=2)), f"c{n}")
                for n in range(consumers)
            ]
            work.append(aio.spawn(tasks, bus.consume("s.dead", "g", "grave", bury), "grave"))
            await done.reach(len(entries))
            for task in work:
                task.cancel()
        return [number for number in done if number >= 0], dead

    done, dead = virtual.run(scenario())
    assert sorted(done + dead) == list(range(len(entries)))
    assert sorted(dead) == [number for number, (_, failures) in enumerate(entries) if failures >= 4]
    for key in "abc":
        mine = [number for number in done if entries[number][0] == key]
        assert mine == sorted(mine)


def number_of(letter: Delivery) -> int:
    from vivavoce.storage.bus.dead import DeadLetter

    return int(DeadLetter.parse(letter.payload).payload)
