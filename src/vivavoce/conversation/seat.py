"""A session's seat at a processor: the lease, the view opened by it, and what waits until both are there.

A duplex session takes its seat once and keeps it. A turn-based one takes it when there is work and gives it
back when the turn is over; what comes meanwhile waits, bounded (early.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from vivavoce import aio
from vivavoce.conversation.early import Early
from vivavoce.conversation.events import ANNOUNCEMENTS
from vivavoce.conversation.inputs import UserInput
from vivavoce.conversation.leases import Lease, Leases
from vivavoce.conversation.outputs import Output, Problem, QueueDone
from vivavoce.conversation.views import Conversation, Emit, SessionSpec, View
from vivavoce.errors import BadInput, Refused


class Seat:
    """`emit` gets what the view says, `tell` what the client should know of the queue and of refusals.

    `on_lease` is called when the slot is there, before the view says its first word.
    """

    def __init__(
        self,
        spec: SessionSpec,
        leases: Leases,
        conversation: Conversation,
        *,
        emit: Emit,
        tell: Callable[[Output], None],
        on_lease: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._leases = leases
        self._conversation = conversation
        self._emit = emit
        self._tell = tell
        self._on_lease = on_lease
        self._early = Early()
        self._unsaid: deque[str] = deque(maxlen=ANNOUNCEMENTS)
        self._lease: Lease | None = None
        self._view: View | None = None
        self._life: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._standing = spec.kind == "streaming"

    def join(self, group: asyncio.TaskGroup) -> None:
        """`group` owns the seat's tasks from now on."""
        self._group = group

    async def take(self) -> None:
        """Wait for a slot and open the view. Raises Refused; cancelling gives the place in the queue back."""
        assert self._group is not None
        lease = self._lease = await self._leases.acquire(self._spec, self._tell)
        self._tell(QueueDone(lease.waited_ms))
        self._on_lease()
        view = lease.processor.open(self._spec, self._conversation, self._emit)
        self._life = aio.spawn(self._group, view.run(), f"view {self._spec.session_id}")
        await asyncio.sleep(0)  # the view's run has begun: it takes events from now on
        self._view = view
        for item in self._early.take():
            try:
                if isinstance(item, bytes):
                    view.feed(item)
                else:
                    view.handle(item)
            except BadInput as error:  # its sender is not waiting for the answer any more
                self._tell(Problem(error.code, error.message))
        while self._unsaid:
            view.announce(self._unsaid.popleft())

    @property
    def taken(self) -> bool:
        """There is a view to speak to."""
        return self._view is not None

    @property
    def idle(self) -> bool:
        """Nobody sits here, or nothing is being heard, thought or said."""
        return self._view is None or self._view.idle

    def feed(self, pcm: bytes) -> None:
        """The user's sound. May raise BadInput when too much waits for a slot."""
        if self._view is not None:
            self._view.feed(pcm)
        else:
            self._keep(pcm)

    def handle(self, event: UserInput) -> None:
        """Raises WrongOrder from the view, BadInput when too much waits for a slot."""
        if self._view is not None:
            self._view.handle(event)
        else:
            self._keep(event)

    def announce(self, text: str) -> None:
        if self._view is not None:
            self._view.announce(text)
        else:
            self._unsaid.append(text)
            self._want()

    def over(self, reply: int) -> None:
        """That reply is over; a turn-based seat without further work goes back."""
        if self._view is None:
            return
        self._view.over(reply)
        if self._standing and self._view.idle:
            self.give_back()

    def give_back(self) -> None:
        """The slot is somebody else's now; the next work takes a new one."""
        if self._life is not None:
            self._life.cancel()
        self._view = self._life = None
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def leave(self) -> None:
        """The session ends: nothing said by the view counts any more."""
        self._view = None

    def close(self) -> None:
        """End the seat's tasks and give everything back; safe to call twice."""
        if self._taking is not None:
            self._taking.cancel()
        self.give_back()

    def _keep(self, item: bytes | UserInput) -> None:
        self._early.add(item)
        self._want()

    def _want(self) -> None:
        """Turn-based: there is work, so a slot is needed. A duplex session gets its own once, at the beginning."""
        if self._standing and self._taking is None and self._group is not None:
            self._taking = aio.spawn(self._group, self._take_for_turn(), f"seat {self._spec.session_id}")

    async def _take_for_turn(self) -> None:
        try:
            await self.take()
        except Refused as refusal:
            self._early.take()
            self._tell(Problem(refusal.code, refusal.message, retryable=True, retry_after_s=refusal.retry_after_s))
        finally:
            self._taking = None
