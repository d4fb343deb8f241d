"""One timer for many waits: as sharp as one for each."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.aio import now
from vivavoce.inference.deadline import Deadline
from vivavoce.testing import virtual


async def wait(deadline, limit, work):
    """Whether a wait of `work` seconds stays within `limit`."""
    try:
        with deadline.set(limit):
            await asyncio.sleep(work)
    except TimeoutError:
        return False
    return True


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 60), st.integers(0, 60)), max_size=20))
def test_each_wait_ends_exactly_at_its_own_limit(waits):
    async def run():
        deadline = Deadline()
        for limit, work, pause in waits:
            begun = now()
            in_time = await wait(deadline, limit, work + 0.5)
            assert in_time == (work + 0.5 <= limit)
            assert now() - begun == pytest.approx(min(work + 0.5, limit))
            await asyncio.sleep(pause)
        deadline.close()

    virtual.run(run())


async def test_the_caller_goes_on_after_a_time_out():
    deadline = Deadline()
    assert not await wait(deadline, 1, 60)
    assert asyncio.current_task().cancelling() == 0
    assert await wait(deadline, 5, 1)
    deadline.close()


async def test_a_cancellation_from_elsewhere_is_no_time_out():
    async def work():
        deadline = Deadline()
        try:
            await wait(deadline, 10, 60)
        finally:
            deadline.close()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(1)
        task.cancel()
    assert task.cancelled()
    assert now() == 1


async def test_at_the_same_moment_the_cancellation_counts():
    async def work():
        await wait(Deadline(), 1, 60)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(0)
        # Both are due in the same round of the loop: ours first, then the other one.
        asyncio.get_running_loop().call_at(1, task.cancel)
    assert task.cancelled()


async def test_an_error_of_the_work_passes():
    deadline = Deadline()
    with pytest.raises(ZeroDivisionError), deadline.set(1):
        raise ZeroDivisionError
    deadline.close()
