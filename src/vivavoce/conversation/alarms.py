"""The alarms of a conversation: one for each timer that a skill has set, by the loop's clock.

Whoever sets the wall clock moves no timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from vivavoce import aio
from vivavoce.conversation.skills import SkillMemory, Timer


class Alarms:
    """`ring(timer)` is called once for each; what it raises goes to `owner`."""

    __slots__ = ("_handles", "_memory", "_ring", "_wake")

    def __init__(self, memory: SkillMemory, ring: Callable[[Timer], None], owner: asyncio.Future[None]) -> None:
        self._memory = memory
        self._ring = ring
        self._wake = aio.carrying(owner, self._due)
        self._handles: dict[int, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._handles)

    def follow(self, now: datetime) -> None:
        """The memory has changed: new timers get an alarm, cancelled ones lose theirs."""
        timers = self._memory.timers
        loop = asyncio.get_running_loop()
        for number in timers.keys() - self._handles.keys():
            self._handles[number] = loop.call_later(timers[number].left(now), self._wake, number)
        for gone in self._handles.keys() - timers.keys():
            self._handles.pop(gone).cancel()

    def close(self) -> None:
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _due(self, number: int) -> None:
        self._handles.pop(number, None)
        timer = self._memory.rung(number)
        if timer is not None:
            self._ring(timer)
