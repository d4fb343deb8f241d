"""The user's sound as it comes, to 16 kHz PCM; a reply's sound as it is made, to what the client asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from vivavoce.audio.opus import OpusDecoder, OpusEncoder, duration_ms
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.audio.resample import StreamResampler
from vivavoce.errors import BadAudio, BadInput, ConfigError
from vivavoce.wire.duplex import Codec

SendSound = Callable[[int, int, bytes], None]
"""(reply, offset in samples of the output rate, audio)."""

_F32_BYTES = 4


class Ear(Protocol):
    """Decodes what a client sends."""

    def cost(self, data: bytes) -> int:
        """Bytes to take from the allowance: of the sound rather than of its packet. Raises BadAudio."""
        ...

    def hear(self, data: bytes) -> bytes:
        """16 kHz PCM. Raises BadAudio; the next call is none the worse for it."""
        ...


class Mouth(Protocol):
    """Encodes what a client wants to hear."""

    def speak(self, reply: int, offset: int, pcm: bytes) -> None: ...

    def finish(self, reply: int) -> None:
        """The reply has no more sound: whatever was kept for a whole packet goes out."""
        ...


def listening(codec: Codec, rate: int) -> Ear:
    """For the input format that a client named; PCM of other rates is resampled."""
    return PcmEar(rate) if codec == "pcm16" else OpusEar()


def speaking(codec: Codec, rate: int, send: SendSound) -> Mouth:
    """For the output format that a client named. Raises BadInput `codec_unsupported`."""
    return PcmMouth(send) if codec == "pcm16" else OpusMouth(rate, send)


class PcmEar:
    """16-bit samples."""

    def __init__(self, rate: int) -> None:
        self._resampler = None if rate == INPUT_RATE else StreamResampler(rate, INPUT_RATE, live=True)

    def cost(self, data: bytes) -> int:
        return len(data)

    def hear(self, data: bytes) -> bytes:
        if len(data) % SAMPLE_BYTES:
            raise BadAudio(f"{len(data)} bytes are no whole number of 16-bit samples")
        return data if self._resampler is None else self._resampler.push(data)


class OpusEar:
    """One packet at a time; a packet tells its rate itself."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder(INPUT_RATE)

    def cost(self, data: bytes) -> int:
        # A few bytes may be 120 ms of sound.
        return max(len(data), round(duration_ms(data) * INPUT_RATE / 1000) * SAMPLE_BYTES)

    def hear(self, data: bytes) -> bytes:
        return self._decoder.decode(data)


class PcmMouth:
    """As it is made."""

    def __init__(self, send: SendSound) -> None:
        self.speak = send

    def finish(self, reply: int) -> None:
        pass


class OpusMouth:
    """Packets of 20 ms, each with the offset of its first sample."""

    def __init__(self, rate: int, send: SendSound) -> None:
        try:
            self._encoder = OpusEncoder(rate)
        except ConfigError as error:
            raise BadInput(error.message, code="codec_unsupported") from None
        self._send = send
        self._reply = 0
        self._at = 0
        """Offset of the next packet."""
        self._given = 0
        """Offset that continues what the encoder got."""

    def speak(self, reply: int, offset: int, pcm: bytes) -> None:
        if reply != self._reply or offset != self._given:
            # Another reply, or a place after a resume: what was left of a packet belongs to neither.
            self._encoder.flush()
            self._reply, self._at, self._given = reply, offset, offset
        self._given += len(pcm) // SAMPLE_BYTES
        self._out(self._encoder.encode(pcm))

    def finish(self, reply: int) -> None:
        if reply == self._reply:
            self._out(self._encoder.flush())

    def _out(self, packets: list[bytes]) -> None:
        for packet in packets:
            self._send(self._reply, self._at, packet)
            self._at += self._encoder.frame


def from_f32(data: bytes) -> bytes:
    """32-bit float samples (−1 to 1, clipped) as 16-bit ones. Raises BadAudio for NaN, infinity and odd lengths."""
    if len(data) % _F32_BYTES:
        raise BadAudio(f"{len(data)} bytes are no whole number of 32-bit samples")
    values = np.frombuffer(data, "<f4")
    if not np.isfinite(values).all():
        raise BadAudio("a sample is not a finite number")
    pcm: bytes = (np.clip(values, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    return pcm
