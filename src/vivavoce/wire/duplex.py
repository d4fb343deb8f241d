"""`/ws/duplex/{session_id}`: full duplex and hands-free turn-taking. docs/protocol.md describes each message."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from vivavoce.wire.base import (
    Count,
    Decoder,
    Error,
    Message,
    Milliseconds,
    Played,
    Queued,
    QueueDone,
    QueueUpdate,
    Transcript,
)

Codec = Literal["pcm16", "opus"]
Rate = Annotated[int, Meta(ge=8_000, le=48_000)]
Gain = Annotated[float, Meta(ge=0, le=1)]
Reason = Literal["completed", "interrupted", "stopped", "failed", "limit"]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$", max_length=35)]
ConversationId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
ResumeToken = Annotated[str, Meta(min_length=1, max_length=128)]

MAX_MESSAGE: Final = 1 << 20
"""Bytes of one message from a client."""


# ── client → server ───────────────────────────────────────────────────────────────────────────────


class InputFormat(Struct, frozen=True):
    """What the client sends: mono, signed 16-bit little-endian samples or Opus packets."""

    codec: Codec = "pcm16"
    rate: Rate = 16_000


class OutputFormat(Struct, frozen=True):
    """What the client wants to hear."""

    codec: Codec = "pcm16"
    rate: Rate = 24_000


class Prepare(Message, frozen=True, tag="prepare"):
    """The first message. `patience` stretches the wait for the end of speech; `resume` goes on after a drop."""

    input: InputFormat = InputFormat()
    output: OutputFormat = OutputFormat()
    app: Name | None = None
    voice: Name | None = None
    language: Language | None = None
    system_prompt: Annotated[str, Meta(max_length=8_000)] = ""
    video: bool = False
    patience: Annotated[float, Meta(ge=0.5, le=3)] = 1.0
    conversation: ConversationId | None = None
    """A stored conversation of one's own to go on with."""
    resume: ResumeToken | None = None


class AudioChunk(Message, frozen=True, tag="audio_chunk"):
    """The user's sound for clients that have only JSON, at the agreed input rate."""

    audio: bytes
    format: Literal["pcm16", "f32"] = "pcm16"


class VideoFrame(Message, frozen=True, tag="video_frame"):
    """What the camera sees: a JPEG, PNG or WebP image, `at` ms of input audio."""

    image: Annotated[bytes, Meta(min_length=16)]
    at: Count


class TypedText(Message, frozen=True, tag="text"):
    """The user types instead of speaking."""

    text: Annotated[str, Meta(min_length=1, max_length=8_000)]


class Commit(Message, frozen=True, tag="commit"):
    """«Your turn»: no waiting for silence."""


class Interrupt(Message, frozen=True, tag="interrupt"):
    """Stop speaking, keep listening."""


class Pause(Message, frozen=True, tag="pause"):
    """Hold the session for a limited time."""


class Resume(Message, frozen=True, tag="resume"):
    """Go on after a pause."""


class Stop(Message, frozen=True, tag="stop"):
    """End the session."""


ClientMessage = Prepare | AudioChunk | VideoFrame | TypedText | Played | Commit | Interrupt | Pause | Resume | Stop


# ── server → client ───────────────────────────────────────────────────────────────────────────────


class AudioFormat(Struct, frozen=True):
    """As agreed: mono."""

    codec: Codec
    rate: int


class Languages(Struct, frozen=True):
    """BCP 47 primary tags of what is understood and what is spoken."""

    heard: tuple[str, ...]
    spoken: tuple[str, ...]


class Retention(Struct, frozen=True):
    """Days that words and sound are kept after the session; 0 is not at all. `recording`: whether sound is kept now;
    `ask`: the person has not said yet, `paused`: they said yes, but there is no room just now.
    """

    transcript_days: int
    recording_days: int
    recording: Literal["on", "off", "ask", "paused"] = "off"


class Prepared(Message, frozen=True, tag="prepared"):
    """Talk now. `resume` is good for 60 s after a drop, once; `sends_to` names hosts that speech goes to."""

    session_id: str
    resume: str
    processor: Literal["cascade", "omni"]
    input: AudioFormat
    output: AudioFormat
    languages: Languages
    limits: dict[str, float]
    sends_to: tuple[str, ...]
    retention: Retention
    resumed: bool
    conversation: str | None = None
    """Under which it is stored, where it is."""


class Recording(Message, frozen=True, tag="recording"):
    """Sound is kept from now on, or not any more; `reason` where that is not what the person chose."""

    state: Literal["on", "off", "ask", "paused"]
    reason: str | None = None


class State(Message, frozen=True, tag="state"):
    """What the session is doing."""

    state: Literal["listening", "recognising", "thinking", "synthesising", "speaking", "paused"]


class SpeechStarted(Message, frozen=True, tag="speech_started"):
    """The user began to speak, `at` ms of input audio."""

    at: int


class SpeechEnded(Message, frozen=True, tag="speech_ended"):
    """The user has stopped speaking, `at` ms of input audio."""

    at: int


class ReplyStarted(Message, frozen=True, tag="reply_started"):
    """Reply number `reply` belongs to that turn; numbers only grow."""

    reply: int
    turn: int


class ReplyText(Message, frozen=True, tag="text"):
    """More words of a reply; `at` is the sample at which they sound, where known."""

    reply: int
    delta: str
    at: int | None = None


class Expression(Message, frozen=True, tag="expression"):
    """Face and mouth at sample `at` of the reply."""

    reply: int
    at: int
    emotion: str | None = None
    viseme: str | None = None


class Duck(Message, frozen=True, tag="duck"):
    """Play the reply at `gain` (0–1) from now on."""

    reply: int
    gain: Gain


class Hold(Message, frozen=True, tag="hold"):
    """Stop playing the reply, forget nothing of it."""

    reply: int


class Release(Message, frozen=True, tag="release"):
    """Go on playing where it was held, at full gain."""

    reply: int


class Flush(Message, frozen=True, tag="flush"):
    """Whatever is queued of this reply and older ones must not be played."""

    reply: int
    reason: Reason


class ReplyDone(Message, frozen=True, tag="reply_done"):
    """The reply is over; what was heard of it is history."""

    reply: int
    reason: Reason
    heard_ms: int
    heard_text: str


class Stage(Struct, frozen=True):
    """ms from the end of speech; negative when begun before it."""

    name: Literal["endpoint", "asr", "llm", "tts", "send"]
    start: int
    end: int


class Metrics(Message, frozen=True, tag="metrics"):
    """How long the turn took. Stages overlap."""

    turn: int
    response_ms: int
    queue_ms: int
    stages: tuple[Stage, ...]


class Paused(Message, frozen=True, tag="paused"):
    """Held; the session ends in `until` seconds when nobody resumes it."""

    until: Milliseconds | None = None


class Resumed(Message, frozen=True, tag="resumed"):
    """Going on after a pause."""


class Stopped(Message, frozen=True, tag="stopped"):
    """The session is over; the socket closes with 1000."""

    reason: str


ServerMessage = (
    Queued
    | QueueUpdate
    | QueueDone
    | Prepared
    | Recording
    | State
    | SpeechStarted
    | SpeechEnded
    | Transcript
    | ReplyStarted
    | ReplyText
    | Expression
    | Duck
    | Hold
    | Release
    | Flush
    | ReplyDone
    | Metrics
    | Paused
    | Resumed
    | Stopped
    | Error
)

decode_client: Final[Decoder[ClientMessage]] = Decoder(
    ClientMessage,
    blame={
        "prepare": {"$.input": "codec_unsupported", "$.output": "codec_unsupported"},
        "audio_chunk": {"$.audio": "bad_audio", "$.format": "bad_audio"},
    },
)
"""One text message of a client. Raises BadInput."""

decode_server: Final[Decoder[ServerMessage]] = Decoder(ServerMessage)
"""One text message of a server, for clients in Python. Raises BadInput."""
