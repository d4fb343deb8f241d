"""Lets one task's work be ended from elsewhere with `Closed`, where cancelling the task itself would be too much."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from vivavoce.errors import Closed

T = TypeVar("T")


class Stopper:
    """`run` awaits work; `stop`, called at any time and from any callback of the loop, makes it raise Closed."""

    __slots__ = ("_alarm", "_stopped")

    def __init__(self) -> None:
        self._alarm: asyncio.Timeout | None = None
        self._stopped = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._stopped:
            work.close()
            raise Closed("stopped before it began")
        # A time-out without a time: stop() is what makes it due. It cancels the work, not the caller.
        alarm = asyncio.timeout(None)
        try:
            async with alarm:
                self._alarm = alarm
                return await work
        except TimeoutError:
            if not alarm.expired():
                raise
            raise Closed("stopped while it was running") from None
        finally:
            self._alarm = None

    def stop(self) -> None:
        if self._alarm is not None and not self._stopped:
            self._alarm.reschedule(asyncio.get_running_loop().time())
        self._stopped = True
