"""The user's sound as it comes, to 16 kHz PCM; a reply's sound as it is made, to what the client asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import BadAudio, BadInput
from vivavoce.wire.duplex import Codec

SendSound = Callable[[int, int, bytes], None]
"""(reply, offset in samples of the output rate, audio)."""

_F32_BYTES = 4


class Ear(Protocol):
    """Decodes what a client sends."""

    def hear(self, data: bytes) -> bytes:
        """16 kHz PCM. Raises BadAudio; the next call starts afresh."""
        ...


class Mouth(Protocol):
    """Encodes what a client wants to hear."""

    def speak(self, reply: int, offset: int, pcm: bytes) -> None: ...

    def finish(self, reply: int) -> None:
        """The reply has no more sound: whatever was kept for a whole packet goes out."""
        ...


def listening(codec: Codec, rate: int) -> Ear:
    """For the input format that a client named. Raises BadInput `codec_unsupported`."""
    if codec == "pcm16":
        return PcmEar(rate)
    raise BadInput("Opus is not understood here", code="codec_unsupported")


def speaking(codec: Codec, rate: int, send: SendSound) -> Mouth:
    """For the output format that a client named. Raises BadInput `codec_unsupported`."""
    if codec == "pcm16":
        return PcmMouth(send)
    raise BadInput("Opus is not spoken here", code="codec_unsupported")


class PcmEar:
    """16-bit samples."""

    def __init__(self, rate: int) -> None:
        if rate != INPUT_RATE:
            raise BadInput(f"PCM comes at {INPUT_RATE} Hz", code="codec_unsupported")

    def hear(self, data: bytes) -> bytes:
        if len(data) % SAMPLE_BYTES:
            raise BadAudio(f"{len(data)} bytes are no whole number of 16-bit samples")
        return data


class PcmMouth:
    """As it is made."""

    def __init__(self, send: SendSound) -> None:
        self.speak = send

    def finish(self, reply: int) -> None:
        pass


def from_f32(data: bytes) -> bytes:
    """32-bit float samples (−1 to 1, clipped) as 16-bit ones. Raises BadAudio for NaN, infinity and odd lengths."""
    if len(data) % _F32_BYTES:
        raise BadAudio(f"{len(data)} bytes are no whole number of 32-bit samples")
    values = np.frombuffer(data, "<f4")
    if not np.isfinite(values).all():
        raise BadAudio("a sample is not a finite number")
    pcm: bytes = (np.clip(values, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    return pcm
