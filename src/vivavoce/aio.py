"""The one place where tasks are spawned, and the few primitives shared by everything asynchronous.

Time is always the running loop's (`now()`), so tests run the same code under a virtual clock
(`vivavoce.testing.virtual`) without patching anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from vivavoce.errors import Closed

T = TypeVar("T")
P = ParamSpec("P")

Full = Literal["wait", "drop_oldest", "close"]


def now() -> float:
    """Monotonic seconds of the running loop."""
    return asyncio.get_running_loop().time()


def spawn(group: asyncio.TaskGroup, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start `work` inside `group`. Every task has an owner, which ends it, and a name, which shows in dumps."""
    return group.create_task(work, name=name)


async def settle(task: asyncio.Task[Any] | None) -> None:
    """Cancel `task` and wait until it is really gone; its own errors were its owner's to see."""
    if task is None:
        return
    task.cancel()
    await asyncio.wait([task])


def carrying(owner: asyncio.Future[None], call: Callable[P, object]) -> Callable[P, None]:
    """`call`, for somebody else to call back: what it raises goes to the task that awaits `owner` and ends its scope.

    Else the fault of one session would land in a timer or a batch that serves all of them.
    """

    def carried(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 — handed to the supervisor, not handled
            if not owner.done():
                owner.set_exception(error)

    return carried


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Iterate over `stream` inside; leaving, however it happens, stops the work behind it at once."""
    try:
        yield stream
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


class Mailbox(Generic[T]):
    """A bounded queue with one reader, whose policy for a full box is named when it is made.

    `wait` only works through `put`; `drop_oldest` forgets the oldest and counts it in `dropped`;
    `close` closes the box, so that the reader sees `Closed` after what it already holds.
    """

    __slots__ = ("_closed", "_items", "_limit", "_policy", "_room", "_waiter", "dropped")

    def __init__(self, limit: int, full: Full) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._policy = full
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        return self._closed

    def post(self, item: T) -> bool:
        """Add without waiting. False when the item (or the oldest one) was lost or the box is closed."""
        if self._closed:
            return False
        kept = True
        if len(self._items) >= self._limit:
            if self._policy == "close":
                self.close()
                return False
            if self._policy == "wait":
                return False
            self._items.popleft()
            self.dropped += 1
            kept = False
        self._items.append(item)
        _wake(self._waiter)
        return kept

    async def put(self, item: T) -> None:
        """Add, waiting for room. Raises `Closed` when the reader has gone."""
        while len(self._items) >= self._limit and not self._closed:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        if self._closed:
            raise Closed("mailbox closed")
        self._items.append(item)
        _wake(self._waiter)

    async def get(self) -> T:
        """The next item. Raises `Closed` when the box is closed and empty."""
        while not self._items:
            if self._closed:
                raise Closed("mailbox closed")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        item = self._items.popleft()
        _wake(self._room)
        return item

    def close(self) -> None:
        """No more items; the reader gets what is there, then `Closed`."""
        self._closed = True
        _wake(self._waiter)
        _wake(self._room)

    def __aiter__(self) -> Mailbox[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except Closed:
            raise StopAsyncIteration from None


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


class Ticker:
    """One timer for many: calls every member each `period` seconds while there are members.

    Thousands of sessions paced by a timer each would spend more on the timer heap than on their
    sound; here a tick costs one call per member. Members must not block, and must not raise (see `carrying`): what
    one raises is the loop's to report, and costs the others this tick.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._members: set[Callable[[float], None]] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._next = 0.0

    def add(self, member: Callable[[float], None]) -> None:
        """Call `member(now)` on each tick until it is removed."""
        self._members.add(member)
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._next = loop.time() + self._period
            self._handle = loop.call_at(self._next, self._tick)

    def remove(self, member: Callable[[float], None]) -> None:
        self._members.discard(member)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._handle = None
        moment = loop.time()
        try:
            for member in tuple(self._members):
                member(moment)
        finally:
            if self._members and self._handle is None:
                # Late ticks are not made up for: members look at the time, not at the number of ticks.
                self._next = max(self._next + self._period, moment)
                self._handle = loop.call_at(self._next, self._tick)


Keep = Callable[[Coroutine[Any, Any, None], str], None]
"""Start work that ends with its scope."""


@asynccontextmanager
async def background() -> AsyncIterator[Keep]:
    """Work beside what is inside; it is cancelled when that is left. A fault of it ends what is inside."""
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []

        def keep(work: Coroutine[Any, Any, None], name: str) -> None:
            tasks.append(spawn(group, work, name))

        try:
            yield keep
        finally:
            for task in tasks:
                task.cancel()
