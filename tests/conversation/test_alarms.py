from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from vivavoce.conversation.alarms import Alarms
from vivavoce.conversation.skills import CancelTimer, SetTimer, SkillMemory, Timer

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def stage() -> tuple[SkillMemory, Alarms, list[Timer], asyncio.Future[None]]:
    memory, rung = SkillMemory(), list[Timer]()
    owner: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return memory, Alarms(memory, rung.append, owner), rung, owner


async def test_each_timer_rings_once_in_its_time() -> None:
    memory, alarms, rung, _ = stage()
    memory.commit((SetTimer(1, 60), SetTimer(2, 10, "tea")), NOON)
    alarms.follow(NOON)
    alarms.follow(NOON)
    await asyncio.sleep(11)
    assert [timer.label for timer in rung] == ["tea"]
    assert list(memory.timers) == [1], "what has rung is forgotten"
    await asyncio.sleep(60)
    assert [timer.id for timer in rung] == [2, 1]
    assert not len(alarms)


async def test_a_cancelled_timer_and_a_closed_conversation_are_silent() -> None:
    memory, alarms, rung, _ = stage()
    memory.commit((SetTimer(1, 60), SetTimer(2, 60)), NOON)
    alarms.follow(NOON)
    memory.commit((CancelTimer(1),), NOON)
    alarms.follow(NOON)
    assert len(alarms) == 1
    alarms.close()
    await asyncio.sleep(100)
    assert rung == []


async def test_a_fault_of_the_listener_goes_to_the_owner() -> None:
    memory, _, _, owner = stage()

    def fail(timer: Timer) -> None:
        raise ZeroDivisionError

    alarms = Alarms(memory, fail, owner)
    memory.commit((SetTimer(1, 1),), NOON)
    alarms.follow(NOON)
    with pytest.raises(ZeroDivisionError):
        await owner
