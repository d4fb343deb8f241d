"""Opus by libopus, through PyAV. One packet in or out at a time; mono, for voice.

Measured on one core per 20 ms at 16/24/48 kHz: complexity 0 40/50/56 µs, 2 68/83/89, 5 93/107/114, 10 118/121/130;
decoding 20 µs. The distance of the spectrum from the original falls as far at 2 as at 5 (24 kbit/s, human speech), and
only at 8 further; so 2 it is. The codec itself delays by 6.5 ms. Packet layout: RFC 6716 §3.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
from av.audio.codeccontext import AudioCodecContext

from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.audio.resample import StreamResampler
from vivavoce.audio.translate import translating
from vivavoce.errors import BadAudio, ConfigError

MAX_PACKET: Final = 1275
"""Bytes of the largest single frame (RFC 6716 §3.2.1); a packet of ours has one, and voice is far below."""
MAX_MS: Final = 120
"""The longest packet the format knows."""
COMPLEXITY: Final = 2
BITRATE: Final = 24_000

_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
_DECODED: Final = 48_000
"""FFmpeg decodes Opus at this rate, whatever was encoded."""
_SILK_MS: Final = (10.0, 20.0, 40.0, 60.0)
_HYBRID_MS: Final = (10.0, 20.0)
_CELT_MS: Final = (2.5, 5.0, 10.0, 20.0)


class OpusEncoder:
    """Encodes mono PCM at `rate` Hz into packets of `frame_ms`. Raises ConfigError on values Opus does not know."""

    def __init__(self, rate: int, frame_ms: int = 20, *, bitrate: int = BITRATE, complexity: int = COMPLEXITY) -> None:
        if rate not in _RATES:
            raise ConfigError(f"Opus has no rate of {rate} Hz; it has {', '.join(map(str, _RATES))}")
        if frame_ms not in (5, 10, 20, 40, 60):
            raise ConfigError(f"Opus has no frame of {frame_ms} ms; it has 5, 10, 20, 40, 60")
        if not 6_000 <= bitrate <= 510_000 or not 0 <= complexity <= 10:
            raise ConfigError(f"Opus: bitrate {bitrate} is not 6,000–510,000 or complexity {complexity} not 0–10")
        self._rate = rate
        self._frame = rate * frame_ms // 1000
        self._pending = bytearray()
        with translating("Opus encoder"):
            codec = av.CodecContext.create("libopus", "w")
            assert isinstance(codec, AudioCodecContext)
            codec.sample_rate = rate
            codec.layout = "mono"
            codec.format = "s16"
            codec.bit_rate = bitrate
            codec.time_base = Fraction(1, rate)
            codec.options = {
                "application": "voip",
                "compression_level": str(complexity),
                "frame_duration": str(frame_ms),
            }
            codec.open()
        self._codec = codec

    @property
    def frame(self) -> int:
        """Samples of one packet."""
        return self._frame

    def encode(self, pcm: bytes) -> list[bytes]:
        """The packets that `pcm`, with what was left from before, fills. Raises BadAudio on half a sample."""
        if len(pcm) % SAMPLE_BYTES:
            raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples")
        size = self._frame * SAMPLE_BYTES
        if not self._pending and len(pcm) == size:  # the ordinary case: one frame, one packet, no copy
            return self._packets(pcm)
        self._pending += pcm
        packets: list[bytes] = []
        while len(self._pending) >= size:
            packets += self._packets(bytes(self._pending[:size]))
            del self._pending[:size]
        return packets

    def flush(self) -> list[bytes]:
        """The last, partial frame, filled with silence; the encoder goes on after it."""
        if not self._pending:
            return []
        last = bytes(self._pending).ljust(self._frame * SAMPLE_BYTES, b"\0")
        self._pending.clear()
        return self._packets(last)

    def _packets(self, pcm: bytes) -> list[bytes]:
        frame = av.AudioFrame("s16", "mono", self._frame)
        frame.sample_rate = self._rate
        frame.planes[0].update(pcm)
        with translating("Opus encoder"):
            return [bytes(packet) for packet in self._codec.encode(frame)]


class OpusDecoder:
    """Decodes the packets of one stream to mono PCM at `rate` Hz. A bad packet is refused and leaves it usable."""

    def __init__(self, rate: int) -> None:
        self._resampler = StreamResampler(_DECODED, rate, live=True)
        with translating("Opus decoder"):
            codec = av.CodecContext.create("libopus", "r")
            assert isinstance(codec, AudioCodecContext)
            codec.sample_rate = _DECODED
            codec.layout = "mono"
            codec.open()
        self._codec = codec

    def decode(self, packet: bytes) -> bytes:
        """PCM of one packet, behind by the resampler's few ms. Raises BadAudio when it is none (see `duration_ms`)."""
        if len(packet) > MAX_PACKET:
            raise BadAudio(f"an Opus packet of {len(packet)} bytes; {MAX_PACKET} is the most")
        duration_ms(packet)
        with translating("Opus packet"):
            frames = self._codec.decode(av.Packet(packet))
        return b"".join(self._resampler.push(memoryview(frame.planes[0])[: frame.samples * 2]) for frame in frames)

    def flush(self) -> bytes:
        """The resampler's rest, at the end of the stream."""
        return self._resampler.flush()


def duration_ms(packet: bytes) -> float:
    """How long a packet sounds, by its first bytes (RFC 6716 §3.1). Raises BadAudio if empty or over MAX_MS."""
    if not packet:
        # To FFmpeg an empty packet is the end of the stream, after which nothing decodes any more.
        raise BadAudio("an empty Opus packet")
    configuration, count = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = _SILK_MS[configuration % 4]
    elif configuration < 16:
        frame = _HYBRID_MS[configuration % 2]
    else:
        frame = _CELT_MS[configuration % 4]
    if count == 3 and len(packet) < 2:
        raise BadAudio("an Opus packet without its number of frames")
    frames = (packet[1] & 63) if count == 3 else (1, 2, 2)[count]
    if not frames or frame * frames > MAX_MS:
        raise BadAudio(f"an Opus packet of {frames} frames of {frame:g} ms")
    return frame * frames
