"""The primitives that everything asynchronous is made of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vivavoce import aio


async def test_a_fault_in_a_callback_goes_to_its_owner_and_not_to_the_caller() -> None:
    owner: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def divide(by: int) -> None:
        1 / by

    callback = aio.carrying(owner, divide)
    callback(1)
    assert not owner.done()
    callback(0)
    callback(0)
    with pytest.raises(ZeroDivisionError):
        await owner


async def test_an_owner_that_is_gone_hears_nothing() -> None:
    owner: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    owner.cancel()
    aio.carrying(owner, lambda: 1 / 0)()


async def test_a_ticker_goes_on_when_a_member_fails() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    ticker = aio.Ticker(1.0)
    ticks: list[float] = []

    def broken(now: float) -> None:
        ticker.remove(broken)
        raise ZeroDivisionError

    ticker.add(broken)
    ticker.add(ticks.append)
    await asyncio.sleep(3.5)
    ticker.remove(ticks.append)
    assert len(reported) == 1
    assert ticks[-2:] == [2.0, 3.0]


async def test_a_ticker_without_members_leaves_nothing_scheduled() -> None:
    ticker = aio.Ticker(1.0)
    ticks: list[float] = []
    ticker.add(ticks.append)
    await asyncio.sleep(1.5)
    ticker.remove(ticks.append)
    await asyncio.sleep(5.0)
    assert ticks == [1.0]


async def test_a_full_box_does_what_its_policy_says() -> None:
    oldest = aio.Mailbox[int](2, "drop_oldest")
    assert [oldest.post(number) for number in (1, 2, 3)] == [True, True, False]
    assert oldest.dropped == 1
    assert await oldest.get() == 2

    closing = aio.Mailbox[int](1, "close")
    assert [closing.post(number) for number in (1, 2)] == [True, False]
    assert [item async for item in closing] == [1]

    waiting = aio.Mailbox[int](1, "wait")
    assert [waiting.post(number) for number in (1, 2)] == [True, False]
    async with asyncio.TaskGroup() as group:
        putting = aio.spawn(group, waiting.put(3), "put")
        await asyncio.sleep(1.0)
        assert not putting.done()
        assert await waiting.get() == 1
    assert await waiting.get() == 3
