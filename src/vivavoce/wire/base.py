"""What both of our own protocols share: decoding to typed messages, the messages they have in common, binary sound.

Rules of this room: bytes in, typed values out, and back. Nothing here waits, reads a clock or touches a
socket. Whatever a peer sends ends as a message or as one named error; unknown fields are ignored.
A field with a default may be left out of a message, and is when it has that default.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from vivavoce.errors import BadAudio, BadInput
from vivavoce.wire.codes import ErrorCode

PROTOCOL: Final = "vivavoce.v1"
"""The WebSocket subprotocol; a client need not offer it."""

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=2**32 - 1)]
"""A number that fits the binary header: replies, turns, samples, milliseconds."""
Milliseconds = Annotated[float, Meta(ge=0, le=2**32 - 1)]


class Message(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """A JSON object with a `type`."""


class Played(Message, frozen=True, tag="played"):
    """How much of that reply has come out of the loudspeaker."""

    reply: Count
    ms: Milliseconds


class Queued(Message, frozen=True, tag="queued"):
    """Waiting for a slot: `position` from 1 of `length`."""

    ticket: str
    position: int
    length: int
    eta_s: float
    eta_range_s: tuple[float, float]


class QueueUpdate(Message, frozen=True, tag="queue_update"):
    """The wait has changed."""

    ticket: str
    position: int
    length: int
    eta_s: float
    eta_range_s: tuple[float, float]


class QueueDone(Message, frozen=True, tag="queue_done"):
    """A slot is there."""

    waited_ms: int


class Transcript(Message, frozen=True, tag="transcript"):
    """What the user said, so far or (`final`) in the end; `at` in ms of input audio."""

    turn: int
    text: str
    final: bool
    at: int
    confidence: float | None = None


class Error(Message, frozen=True, tag="error"):
    """Something went wrong. After a `fatal` one the socket is closed with the code's number."""

    code: ErrorCode
    message: str
    retryable: bool
    fatal: bool
    retry_after_s: float | None = None


class _Head(Struct, frozen=True):
    type: str


_PATH = re.compile(r" - at `(\$[^`]*)`$")


class Decoder(Generic[T]):
    """Text messages of one direction. `blame` names the error for values that are wrong below a path:
    `{"prepare": {"$.input": "codec_unsupported"}}`; all others are `bad_input`."""

    def __init__(self, union: Any, blame: Mapping[str, Mapping[str, ErrorCode]] | None = None) -> None:
        self._decode = msgspec.json.Decoder(union).decode
        self._head = msgspec.json.Decoder(_Head).decode
        self._tags = frozenset(_tag(member) for member in get_args(union))
        self._blame = blame or {}

    def __call__(self, data: bytes | str) -> T:
        """The message in `data`. Raises BadInput with the code `bad_json`, `unknown_type`, `bad_input`
        or one of `blame`; its text names the field and the bound."""
        try:
            message: T = self._decode(data)
            return message
        except msgspec.ValidationError as error:
            raise self._explain(data, str(error)) from None
        except (msgspec.DecodeError, UnicodeError) as error:
            raise BadInput(f"not JSON: {error}", code="bad_json") from None
        except RecursionError:
            # Only fields that we ignore can nest this deep; the decoder gives up at the interpreter's limit.
            raise BadInput("nested too deeply", code="bad_json") from None

    def _explain(self, data: bytes | str, reason: str) -> BadInput:
        try:
            kind = self._head(data).type
        except (msgspec.DecodeError, UnicodeError):
            return BadInput("every message is a JSON object with a `type`", code="unknown_type")
        if kind not in self._tags:
            return BadInput(f"unknown type {kind[:40]!r}", code="unknown_type")
        found = _PATH.search(reason)
        path = found[1] if found else "$"
        # A wrong value may be quoted in the reason; a megabyte of it does not travel back.
        wrong = reason[: found.start() if found else None][:120]
        text = f"{kind}: {wrong} at {path}"
        for prefix, code in self._blame.get(kind, {}).items():
            if path.startswith(prefix):
                return BadInput(text, code=code)
        return BadInput(text)


def _tag(member: type[Struct]) -> str:
    return str(member.__struct_config__.tag)


encode = msgspec.json.Encoder().encode
"""One message as UTF-8 JSON."""


_HEADER = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Sound of a reply as it travels: `reply` u32 BE, `offset` u32 BE in samples of the output rate, then the audio."""

    reply: int
    offset: int
    audio: bytes

    HEADER_BYTES = _HEADER.size

    @classmethod
    def parse(cls, data: bytes) -> AudioFrame:
        """Raises BadAudio when there is no whole header, or nothing after it."""
        if len(data) <= _HEADER.size:
            raise BadAudio(f"{len(data)} bytes hold no sound after the {_HEADER.size}-byte header")
        reply, offset = _HEADER.unpack_from(data)
        return cls(reply, offset, data[_HEADER.size :])

    def __bytes__(self) -> bytes:
        return _HEADER.pack(self.reply, self.offset) + self.audio
