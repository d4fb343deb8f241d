"""Virtual time: the loop's clock jumps to the next timer whenever nothing else is left to do.

Code under test uses `asyncio.sleep`, time-outs and `aio.now()` as always; an hour of talk takes as long
as its work. Threads are not seen by the virtual clock: tests use fakes of the ports that would need them.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: the time the loop would have waited is added to its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            # Nothing scheduled and nothing ready: only a real descriptor can wake us. A deadlock
            # would wait for ever, so it is reported instead.
            ready = super().select(1.0)
            if not ready:
                raise RuntimeError("virtual time: every task waits and no timer is set (a deadlock)")
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self.moment += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is virtual and starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Timers are due when the clock has reached them, not within the clock's resolution:
        # two timers 1 ns apart fire in their order.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.moment


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in virtual time; a task still alive at its end is an error (nothing may leak)."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(watched(work))


async def watched(work: Coroutine[Any, Any, T]) -> T:
    result = await work
    mine = asyncio.current_task()
    left: list[str] = []
    # Tasks that were cancelled a moment ago get their chance to end; so do the nested generators of a response that
    # was broken off, which the loop ends one after another.
    for _ in range(40):
        left = [task.get_name() for task in asyncio.all_tasks() if task is not mine]
        await asyncio.sleep(0)
    if left:
        raise RuntimeError(f"leaked tasks: {', '.join(sorted(left))}")
    return result
