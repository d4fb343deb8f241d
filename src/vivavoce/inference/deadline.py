"""Many waits of one request under one timer.

`asyncio.timeout` arms and disarms a timer for each wait, 10 µs a word; hundreds of conversations pay for that. Here
the timer is left alone while waits come and go, and looks when it rings whether the present one has really been long.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Deadline:
    """Use as a context manager around each wait, after `set`; raises TimeoutError. `close` at the end of all."""

    __slots__ = ("_cancelling", "_due", "_loop", "_rang", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._due = 0.0
        self._cancelling = 0
        self._rang = False

    def set(self, seconds: float) -> Deadline:
        """The next wait may last this long."""
        self._due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due:
            self._arm()
        return self

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        if self._task is not None:
            self._cancelling = self._task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self._task = self._task, None
        if not self._rang or task is None:
            return
        self._rang = False
        # Somebody else's cancellation of the same moment counts more than ours, as in asyncio.timeout.
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due:
            self._arm()
        else:
            self._rang = True
            self._task.cancel()
