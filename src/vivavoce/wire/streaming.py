"""`/ws/streaming/{session_id}`: turn-based chat; the lease is for one turn, the conversation stays on the server."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from vivavoce.wire.base import (
    Count,
    Decoder,
    Error,
    Message,
    Played,
    Queued,
    QueueDone,
    QueueUpdate,
    Transcript,
)
from vivavoce.wire.duplex import ConversationId, Language, Name, Prepared, Recording, ResumeToken

MAX_MESSAGE: Final = 8 << 20
"""Bytes of one message from a client."""
OUTPUT_RATE: Final = 24_000
"""Hz of the sound of replies: signed 16-bit little-endian, mono."""


# ── client → server ───────────────────────────────────────────────────────────────────────────────


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """Words."""

    text: Annotated[str, Meta(max_length=100_000)]


class AudioPart(Struct, frozen=True, tag_field="type", tag="audio"):
    """Speech at 16 kHz, mono: 16-bit or 32-bit float samples, little-endian."""

    audio: bytes
    format: Literal["pcm16", "f32"] = "pcm16"


class ImagePart(Struct, frozen=True, tag_field="type", tag="image"):
    """A JPEG, PNG or WebP image; `format` may be left out, the image's own head decides."""

    image: Annotated[bytes, Meta(min_length=16)]
    format: Literal["jpeg", "png", "webp"] | None = None


class VideoPart(Struct, frozen=True, tag_field="type", tag="video"):
    """A short film in any container."""

    video: Annotated[bytes, Meta(min_length=16)]
    format: Annotated[str, Meta(max_length=16)] | None = None


Part = TextPart | AudioPart | ImagePart | VideoPart


class ChatMessage(Struct, frozen=True):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Meta(max_length=100_000)] | Annotated[tuple[Part, ...], Meta(max_length=64)]


class Opening(Message, frozen=True, kw_only=True):
    """What counts in the first message of a connection only: `resume` is the token of `prepared`, `conversation` a
    stored one of one's own to go on with.
    """

    app: Name | None = None
    language: Language | None = None
    conversation: ConversationId | None = None
    resume: ResumeToken | None = None


class Prefill(Opening, frozen=True, tag="prefill"):
    """Add to the conversation, or replace it, and start working at once."""

    messages: Annotated[tuple[ChatMessage, ...], Meta(max_length=256)]
    replace: bool = False


class Generate(Opening, frozen=True, tag="generate"):
    """Answer. With `vad` the end of speech closes the user's sound; `audio_format` `json` puts sound into `chunk`."""

    audio: bool = True
    voice: Name | None = None
    max_new_tokens: Annotated[int, Meta(ge=1, le=32_768)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    vad: bool = False
    audio_format: Literal["binary", "json"] = "binary"


class Commit(Message, frozen=True, tag="commit"):
    """End of my sound."""


class Stop(Message, frozen=True, tag="stop"):
    """Stop this reply; good at any moment."""


class Close(Message, frozen=True, tag="close"):
    """End the session."""


ClientMessage = Prefill | Generate | Commit | Stop | Close | Played


# ── server → client ───────────────────────────────────────────────────────────────────────────────


class PrefillDone(Message, frozen=True, tag="prefill_done"):
    """The conversation is in the model; `cached_tokens` were there already."""

    prompt_tokens: int
    cached_tokens: int
    new_tokens: int


class Chunk(Message, frozen=True, tag="chunk"):
    """Piece `index` (from 0) of a reply: words, or sound (`audio_format` `json`) beginning where the last one ended."""

    reply: Count
    index: Count
    text_delta: str | None = None
    audio: bytes | None = None


class Tokens(Struct, frozen=True):
    """Zero where the back-end does not count."""

    cached: int
    input: int
    generated: int


class Done(Message, frozen=True, tag="done"):
    """The reply is over; what was heard of it is history."""

    reply: int
    stopped: bool
    tokens: Tokens
    elapsed_ms: int
    heard_text: str


ServerMessage = (
    Queued | QueueUpdate | QueueDone | Prepared | Recording | PrefillDone | Transcript | Chunk | Done | Error
)

decode_client: Final[Decoder[ClientMessage]] = Decoder(ClientMessage)
"""One text message of a client. Raises BadInput."""

decode_server: Final[Decoder[ServerMessage]] = Decoder(ServerMessage)
"""One text message of a server, for clients in Python. Raises BadInput."""
