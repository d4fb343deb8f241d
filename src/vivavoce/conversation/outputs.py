"""What a session says: to its engine when a view says it, to its channel when the engine passes it on.

Plain values, no behaviour. A channel maps them to its wire messages by type. Times named `at` are ms of
input audio since the session began; `at` of reply pieces are samples of the reply at the output rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vivavoce.conversation.skills.values import Effect
from vivavoce.inference.ports import ChatMessage

State = Literal["listening", "recognising", "thinking", "synthesising", "speaking", "paused"]
EndReason = Literal["completed", "interrupted", "stopped", "failed", "limit"]
Recorded = Literal["on", "off", "ask", "paused"]
"""`ask`: the person has not said yet; `paused`: they said yes, but there is no room just now."""
StageName = Literal["endpoint", "asr", "llm", "tts", "send"]


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for a slot: `position` from 1 of `length`; the ETA in seconds with its range."""

    ticket: str
    position: int
    length: int
    eta_s: float
    eta_range_s: tuple[float, float]
    update: bool = False


@dataclass(frozen=True, slots=True)
class QueueDone:
    waited_ms: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """The session is ready. `heard` and `spoken` are languages; `sends_to` hosts that speech goes to."""

    session_id: str
    resume: str
    processor: Literal["cascade", "omni"]
    output_rate: int
    heard: tuple[str, ...]
    spoken: tuple[str, ...]
    limits: dict[str, float]
    sends_to: tuple[str, ...] = ()
    resumed: bool = False
    conversation: str = ""
    """Id of the stored conversation, where one is kept."""
    transcript_days: int = 0
    recording_days: int = 0
    recording: Recorded = "off"


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """Sound is recorded from now on, or not any more; `reason` where it is not what the person wanted."""

    state: Recorded
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StateChanged:
    state: State


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    at: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    at: int


@dataclass(frozen=True, slots=True)
class TranscriptUpdate:
    turn: int
    text: str
    final: bool
    at: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """`said` is what the user said, as it enters history; empty for an announcement."""

    reply: int
    turn: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class ReplyText:
    """Words of a reply in order, sounding from sample `at` (None when the reply has no sound)."""

    reply: int
    delta: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """PCM at the output rate, beginning at sample `offset` of the reply."""

    reply: int
    offset: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class ReplyAudioEnd:
    """All sound of the reply has been made: `length` samples; the text is complete too.

    `reason` is `completed`, or why the reply ends early: `limit`, `failed`.
    """

    reply: int
    length: int
    reason: EndReason = "completed"


@dataclass(frozen=True, slots=True)
class Act:
    """What the skills of a committed turn want to happen, often nothing. For the engine only."""

    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    reply: int
    at: int
    viseme: str | None = None
    emotion: str | None = None


@dataclass(frozen=True, slots=True)
class Duck:
    reply: int
    gain: float


@dataclass(frozen=True, slots=True)
class Hold:
    reply: int


@dataclass(frozen=True, slots=True)
class Release:
    reply: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Nothing of this reply or an older one may be played any more."""

    reply: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class ReplyDone:
    reply: int
    reason: EndReason
    heard_ms: int
    heard_text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """ms relative to the end of speech; negative when begun before it."""

    name: StageName
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TurnMetrics:
    turn: int
    response_ms: int
    queue_ms: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Messages taken in; tokens are zero where a back-end does not count them.

    The engine puts `messages` into the history (instead of all, with `replace`); sounds have become text.
    """

    messages: tuple[ChatMessage, ...]
    replace: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sent before ReplyDone by turn-based views; zero where a back-end does not count."""

    reply: int
    cached: int
    input: int
    generated: int


@dataclass(frozen=True, slots=True)
class Paused:
    until_s: float


@dataclass(frozen=True, slots=True)
class Resumed:
    pass


@dataclass(frozen=True, slots=True)
class Stopped:
    """The session is over; the channel closes with 1000 and this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error to show. After a fatal one the channel closes with the code's number (docs/protocol.md)."""

    code: str
    message: str
    retryable: bool = False
    fatal: bool = False
    retry_after_s: float | None = None


Output = (
    Queued
    | QueueDone
    | Prepared
    | RecordingChanged
    | StateChanged
    | SpeechStarted
    | SpeechEnded
    | TranscriptUpdate
    | ReplyStarted
    | ReplyText
    | ReplyAudio
    | ReplyAudioEnd
    | Act
    | Expression
    | Duck
    | Hold
    | Release
    | Flush
    | ReplyDone
    | TurnMetrics
    | Prefilled
    | Tokens
    | Paused
    | Resumed
    | Stopped
    | Problem
)
