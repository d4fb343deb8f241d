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
from vivavoce.conversation.skills.memory import SkillMemory

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
    owner: str = ""
    """The user's id; empty for a guest, of whom nothing is kept. Sessions are known by owner and id together."""
    sign_in: str = ""
    """The sign-in or token it was opened with: the session ends when that is revoked."""
    conversation: str = ""
    """A stored conversation to go on with."""
    channel: str = "web"
    app_version: int = 0
    skills: frozenset[str] | None = None
    """Names of the skills that may be used; None: all."""
    model: str | None = None
    """The language model to use, where the back-end has several."""


@dataclass(frozen=True, slots=True)
class ProcessorInfo:
    """Capabilities of a processor, as data."""

    kind: str
    """`cascade` or `omni`."""
    heard: tuple[str, ...]
    spoken: tuple[str, ...]
    sends_to: tuple[str, ...] = ()


@dataclass(slots=True)
class Conversation:
    """What a view may read of the conversation; the engine alone changes it."""

    history: History
    memory: SkillMemory
    replies: int = 0
    """Number of the newest reply; a view counts on from here."""


class View(Protocol):
    """One session's claim on a processor. All methods but `run` return at once and are called on the loop."""

    def feed(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM, any whole number of samples."""
        ...

    def handle(self, event: UserInput) -> None: ...

    def announce(self, text: str) -> None:
        """Say this unasked (a timer rings) as soon as nobody speaks."""
        ...

    def over(self, reply: int) -> None:
        """That reply has been played to its end, or its flush is settled: the history is true again."""
        ...

    @property
    def idle(self) -> bool:
        """Nothing is being heard, thought or said: the slot could go to somebody else."""
        ...

    async def run(self) -> None:
        """Owns every task of the view; returns when cancelled, raises only on faults of the view itself."""
        ...


class Processor(Protocol):
    @property
    def info(self) -> ProcessorInfo: ...

    def open(self, spec: SessionSpec, conversation: Conversation, emit: Emit) -> View:
        """A duplex or streaming view (by `spec.kind`) on `history`, which the engine keeps true to what was heard."""
        ...
