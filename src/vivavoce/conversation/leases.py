"""The port through which the engine gets at processors. The pool satisfies it; the engine knows no workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vivavoce.conversation.outputs import Queued
from vivavoce.conversation.views import Processor, ProcessorInfo, SessionSpec


class Lease(Protocol):
    """A slot held by a turn (streaming) or a session (duplex)."""

    @property
    def processor(self) -> Processor: ...

    @property
    def waited_ms(self) -> int:
        """How long it was queued for; 0 when a slot was free."""
        ...

    def release(self) -> None:
        """Give the slot back; safe to call twice."""
        ...


class Leases(Protocol):
    @property
    def info(self) -> ProcessorInfo:
        """What the processors of this pool can do."""
        ...

    async def acquire(self, spec: SessionSpec, on_wait: Callable[[Queued], None]) -> Lease:
        """A lease as soon as a slot is free; `on_wait` is told of the place in the queue at every change.

        Raises Refused('queue_full') at once when the queue is full, Refused('overloaded') when the wait
        reaches its limit. Cancelling gives the place back.
        """
        ...
