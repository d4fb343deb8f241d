"""The pool of this process: nobody is lost, nobody overtakes, no slot is held twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.outputs import Queued
from vivavoce.conversation.views import ProcessorInfo, SessionSpec
from vivavoce.errors import Refused
from vivavoce.pool.local import LocalLease, LocalPool, PoolSettings
from vivavoce.testing import virtual


class NoProcessor:
    info = ProcessorInfo("cascade", ("en",), ("en",))

    def open(self, *_: object) -> None:
        raise AssertionError("the pool opens no views")


SPEC = SessionSpec("anybody")


def pool(**settings: float) -> LocalPool:
    return LocalPool(NoProcessor(), PoolSettings(**settings))  # type: ignore[arg-type]


async def test_a_free_slot_is_granted_at_once() -> None:
    one = pool(slots=1)
    lease = await one.acquire(SPEC, lambda _: None)
    assert (lease.waited_ms, one.busy) == (0, 1)
    lease.release()
    lease.release()
    assert one.busy == 0


async def test_the_queue_is_told_its_places_and_kept_in_order() -> None:
    one = pool(slots=1)
    told: dict[str, list[Queued]] = {"a": [], "b": []}
    granted: list[str] = []

    async def wait(name: str) -> LocalLease:
        lease = await one.acquire(SPEC, told[name].append)
        granted.append(name)
        return lease

    first = await one.acquire(SPEC, lambda _: None)
    async with asyncio.TaskGroup() as group:
        a, b = group.create_task(wait("a")), group.create_task(wait("b"))
        await asyncio.sleep(2)
        assert [(q.position, q.length) for q in told["a"]] == [(1, 1), (1, 2)]
        assert [(q.position, q.length) for q in told["b"]] == [(2, 2)]
        assert [q.update for q in told["a"]] == [False, True]
        assert told["b"][0].eta_range_s[0] <= told["b"][0].eta_s <= told["b"][0].eta_range_s[1]
        first.release()
        lease = await a
        assert lease.waited_ms == pytest.approx(2000, abs=1)
        assert told["b"][-1].position == 1
        lease.release()
        (await b).release()
    assert granted == ["a", "b"]


async def test_a_full_queue_answers_at_once() -> None:
    one = pool(slots=1, queue=0)
    await one.acquire(SPEC, lambda _: None)
    with pytest.raises(Refused) as refused:
        await one.acquire(SPEC, lambda _: None)
    assert refused.value.code == "queue_full"
    assert refused.value.retry_after_s


async def test_a_wait_has_a_limit() -> None:
    one = pool(slots=1, wait_s=5)
    await one.acquire(SPEC, lambda _: None)
    with pytest.raises(Refused) as refused:
        await one.acquire(SPEC, lambda _: None)
    assert refused.value.code == "overloaded"
    assert one.waiting == 0


comings = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(1, 80)), max_size=25)


@given(comings, st.integers(1, 3))
def test_no_slot_is_lost_and_none_held_twice(people: list[tuple[int, int, int]], slots: int) -> None:
    """People come, hold a slot for a while, and some of them leave at any moment."""

    async def scenario() -> None:
        one = pool(slots=slots, queue=100)
        at_once = 0

        async def person(stays: int) -> None:
            nonlocal at_once
            lease = await one.acquire(SPEC, lambda _: None)
            at_once += 1
            assert at_once <= slots
            try:
                await asyncio.sleep(stays)
            finally:
                at_once -= 1
                lease.release()

        async def comes_and_leaves(comes: int, stays: int, patience: int) -> None:
            await asyncio.sleep(comes)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await person(stays)

        async with asyncio.TaskGroup() as group:
            for who in people:
                group.create_task(comes_and_leaves(*who))
        assert (one.busy, one.waiting) == (0, 0)

    virtual.run(scenario())
