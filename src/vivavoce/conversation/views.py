"""The port between the engine of a session and whatever answers: a processor with two views.

Events and outputs go between them by a call in this process, by a socket when the processor lives in a
worker; so both directions are plain values, and neither side waits for the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vivavoce.conversation.history import History
from vivavoce.conversation.inputs import Kind, UserInput
from vivavoce.conversation.outputs import Output

Emit = Callable[[Output], None]


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """What a client asked for in `prepare`, checked and completed with defaults."""

    session_id: str
    kind: Kind = "duplex"
    language: str = "en"
    voice: str | None = None
    output_rate: int = 24_000
    patience: float = 1.0
    system_prompt: str = ""
    app: str = ""
    video: bool = False


@dataclass(frozen=True, slots=True)
class ProcessorInfo:
    """Capabilities of a processor, as data."""

    kind: str
    """`cascade` or `omni`."""
    heard: tuple[str, ...]
    spoken: tuple[str, ...]
    sends_to: tuple[str, ...] = ()


class View(Protocol):
    """One session's claim on a processor. All methods but `run` return at once and are called on the loop."""

    def feed(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM, any whole number of samples."""
        ...

    def handle(self, event: UserInput) -> None: ...

    def announce(self, text: str) -> None:
        """Say this unasked (a timer rings) as soon as nobody speaks."""
        ...

    async def run(self) -> None:
        """Owns every task of the view; returns when cancelled, raises only on faults of the view itself."""
        ...


class Processor(Protocol):
    @property
    def info(self) -> ProcessorInfo: ...

    def open(self, spec: SessionSpec, history: History, emit: Emit) -> View:
        """A duplex or streaming view (by `spec.kind`) on `history`, which the engine keeps true to what was heard."""
        ...
