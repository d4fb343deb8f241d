import asyncio

import pytest

from vivavoce.aio import now
from vivavoce.errors import Closed
from vivavoce.inference.stopper import Stopper


async def test_work_that_is_not_stopped_gives_its_result():
    assert await Stopper().run(asyncio.sleep(1, "done")) == "done"


async def test_stop_ends_the_work_with_closed_and_the_caller_goes_on():
    stopper = Stopper()
    asyncio.get_running_loop().call_later(1, stopper.stop)
    with pytest.raises(Closed):
        await stopper.run(asyncio.sleep(60))
    assert now() == 1
    await asyncio.sleep(1)


async def test_what_was_stopped_before_never_begins():
    stopper = Stopper()
    stopper.stop()
    stopper.stop()
    with pytest.raises(Closed):
        await stopper.run(asyncio.sleep(60))
    assert now() == 0


async def test_a_time_out_of_the_work_itself_passes():
    with pytest.raises(TimeoutError):
        await Stopper().run(asyncio.wait_for(asyncio.sleep(60), 1))


async def test_stop_after_the_end_is_harmless():
    stopper = Stopper()
    await stopper.run(asyncio.sleep(0))
    stopper.stop()
