import asyncio
import time

import pytest

from vivavoce.aio import now
from vivavoce.testing import virtual


async def test_an_hour_passes_at_once() -> None:
    began = time.monotonic()
    await asyncio.sleep(3600)
    assert now() == pytest.approx(3600)
    assert time.monotonic() - began < 5


def test_a_leaked_task_is_named() -> None:
    kept: set[asyncio.Task[None]] = set()

    async def leak() -> None:
        kept.add(asyncio.get_running_loop().create_task(asyncio.sleep(9), name="forgotten"))

    with pytest.raises(RuntimeError, match="forgotten"):
        virtual.run(leak())


def test_a_deadlock_is_reported() -> None:
    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        virtual.run(stuck())
