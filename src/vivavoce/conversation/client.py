"""The client of a session: an outlet while there is one, and a memory for the time when its line is down."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from vivavoce import aio
from vivavoce.conversation.outputs import (
    Duck,
    Flush,
    Hold,
    Output,
    Problem,
    Queued,
    Release,
    ReplyAudio,
    ReplyDone,
    StateChanged,
)

MISSED = 512
"""Outputs (without sound) kept for a client that lost its connection; the oldest go beyond that."""


class Outlet(Protocol):
    """What a channel gives a session to speak through."""

    def send(self, output: Output) -> None:
        """Never blocks, never raises; called on the loop."""
        ...


class Client:
    """Says everything once: now, or when the client is back. Sound is not kept here, the playout rewinds."""

    __slots__ = ("_doing", "_missed", "_outlet", "lost_at")

    def __init__(self, outlet: Outlet) -> None:
        self._outlet: Outlet | None = outlet
        self._missed: deque[Output] = deque(maxlen=MISSED)
        self._doing: dict[type[Output], Output] = {}
        """The last word on what is going on. It may have gone into a line that was dead already."""
        self.lost_at: float | None = None
        """Loop seconds when the line went down."""

    @property
    def attached(self) -> bool:
        return self._outlet is not None

    def send(self, output: Output) -> None:
        if isinstance(output, StateChanged | Duck | Hold):
            self._doing[type(output)] = output
        elif isinstance(output, Release):
            self._doing.pop(Hold, None)
        elif isinstance(output, Flush | ReplyDone):
            self._doing.pop(Hold, None)
            self._doing.pop(Duck, None)
        if self._outlet is not None:
            self._outlet.send(output)
        elif not isinstance(output, ReplyAudio | Queued):
            self._missed.append(output)

    def lose(self, outlet: Outlet) -> bool:
        """The line is down. False when another one has taken over already."""
        if self._outlet is not outlet:
            return False
        self._outlet = None
        self.lost_at = aio.now()
        return True

    def meet(self, outlet: Outlet) -> None:
        """A new line; the old one, if it is still there, is told that it was `replaced`."""
        if self._outlet is not None:
            self._outlet.send(Problem("replaced", "This conversation goes on in another place.", fatal=True))
        self._outlet = outlet
        self.lost_at = None

    def catch_up(self) -> None:
        """Say what was missed, in order, and before it what is going on."""
        for output in tuple(self._doing.values()):
            self.send(output)
        missed, self._missed = list(self._missed), deque(maxlen=MISSED)
        for output in missed:
            self.send(output)

    def part(self) -> None:
        """Nothing more is said."""
        self._outlet = None
