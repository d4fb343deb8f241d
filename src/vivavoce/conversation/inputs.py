"""What a person does, as a channel tells it to the session, and the session to the view. Sound goes apart (`feed`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vivavoce.inference.ports import ChatMessage, Picture


@dataclass(frozen=True, slots=True)
class UserText:
    """Typed instead of spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Commit:
    """«Your turn»: the utterance is over, no waiting for silence."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop this reply, keep listening."""


@dataclass(frozen=True, slots=True)
class Played:
    """`ms` of that reply have come out of the loudspeaker."""

    reply: int
    ms: float


@dataclass(frozen=True, slots=True)
class VideoFrame:
    picture: Picture
    at: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the session for a limited time."""


@dataclass(frozen=True, slots=True)
class Unpause:
    pass


@dataclass(frozen=True, slots=True)
class Stop:
    """End the session."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """Turn-based: add messages to the conversation, or replace it."""

    messages: tuple[ChatMessage, ...]
    sounds: tuple[bytes, ...] = ()
    """16 kHz PCM of the audio parts of the last user message, in order."""
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """Turn-based: answer what is there. With `vad` the end of speech closes the user's sound."""

    audio: bool = True
    voice: str | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    vad: bool = False


UserInput = UserText | Commit | Interrupt | Played | VideoFrame | Pause | Unpause | Stop | Prefill | Generate

Kind = Literal["duplex", "streaming"]
