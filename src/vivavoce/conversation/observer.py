"""Who looks on at a session without taking part: the archive that keeps it, the monitor that shows it, the tracer.

An observer is told everything in the order in which it happens, on the loop, fifty times a second for each person who
talks. It neither waits nor raises, and what it makes of it is nothing to the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vivavoce.conversation.inputs import UserInput
from vivavoce.conversation.outputs import Output, Recorded
from vivavoce.conversation.snapshot import Snapshot
from vivavoce.conversation.views import SessionSpec


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a session: days of words and of sound, and whether sound is recorded now."""

    transcript_days: int = 0
    recording_days: int = 0
    recording: Recorded = "off"


class Observer(Protocol):
    """One session's."""

    @property
    def conversation(self) -> str:
        """Id of the stored conversation; empty when nothing is kept."""
        ...

    @property
    def kept(self) -> Kept: ...

    def heard(self, pcm: bytes) -> None:
        """The user's sound as it came, 16 kHz PCM. While the session is paused nothing comes."""
        ...

    def did(self, event: UserInput) -> None:
        """What the user did, reports of what was played among it."""
        ...

    def output(self, output: Output) -> None:
        """What is said to the client, the paced sound when it leaves, whether or not a client is there to take it.

        After a lost line sound may come again that came already: the same samples of the same reply.
        """
        ...

    def progress(self, reply: int, ms: float, heard: str) -> None:
        """Each second while a reply sounds: how much of it was heard so far."""
        ...

    def ended(self, last: Output) -> None:
        """The session is over: `last` says why. Called once, last."""
        ...


Observe = Callable[[SessionSpec, Snapshot | None, Callable[[Output], None]], Observer]
"""Makes the observer of a session; with a snapshot it is one that goes on. What it tells goes to the client."""


class Unobserved:
    """Nobody looks on and nothing is kept."""

    conversation = ""
    kept = Kept()

    def heard(self, pcm: bytes) -> None:
        pass

    def did(self, event: UserInput) -> None:
        pass

    def output(self, output: Output) -> None:
        pass

    def progress(self, reply: int, ms: float, heard: str) -> None:
        pass

    def ended(self, last: Output) -> None:
        pass


def unobserved(_spec: SessionSpec, _snapshot: Snapshot | None, _tell: Callable[[Output], None]) -> Observer:
    return Unobserved()


class Observers:
    """Several as one; the first one keeps the conversation, the others only look."""

    __slots__ = ("_all", "_first")

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._first = observers[0]
        self._all = tuple(observers)

    @property
    def conversation(self) -> str:
        return self._first.conversation

    @property
    def kept(self) -> Kept:
        return self._first.kept

    def heard(self, pcm: bytes) -> None:
        for observer in self._all:
            observer.heard(pcm)

    def did(self, event: UserInput) -> None:
        for observer in self._all:
            observer.did(event)

    def output(self, output: Output) -> None:
        for observer in self._all:
            observer.output(output)

    def progress(self, reply: int, ms: float, heard: str) -> None:
        for observer in self._all:
            observer.progress(reply, ms, heard)

    def ended(self, last: Output) -> None:
        for observer in self._all:
            observer.ended(last)
