"""Sound files: WAV, Ogg, FLAC, MP3, Matroska/WebM or raw PCM in, mono PCM at the wanted rate out; WAV written.

What comes is not trusted. The demuxer is named by the first bytes of the content, never by a file's name, and never
guessed by FFmpeg, whose guesses include playlists that read other files and addresses. FFmpeg is given a reader instead
of a path and an empty list of protocols, so it could open nothing else even if it were asked to. Size, duration,
channels and decoders are bounded before they cost anything.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import av
import numpy as np
from av.container import InputContainer

from vivavoce.audio.pcm import SAMPLE_BYTES, Pcm
from vivavoce.audio.resample import StreamResampler
from vivavoce.audio.translate import translating
from vivavoce.errors import BadAudio

Source = bytes | Path
"""The content itself, or a regular file."""
Progress = Callable[[float], None]
"""Called with the share of the source that was read, 0–1, rising."""

_BLOCK: Final = 64 * 1024
_CHANNELS: Final = 8
_BROKEN_PACKETS: Final = 50
"""So many packets that do not decode are skipped, as players do; a file of more is refused."""
_DECODERS: Final = frozenset(
    {"opus", "libopus", "vorbis", "flac", "mp3", "mp3float", "mp2", "aac", "adpcm_ms", "adpcm_ima_wav"}
)
"""Besides plain PCM. FFmpeg has hundreds; what a microphone or a browser makes is here."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What is refused with BadAudio: a source over `size` bytes, sound over `seconds`."""

    size: int = 128 * 1024 * 1024
    seconds: float = 3600.0


def read(source: Source, rate: int, *, raw_rate: int | None = None, limits: ReadLimits | None = None) -> Pcm:
    """All of `source` as mono PCM at `rate` Hz. With `raw_rate` it is 16-bit mono PCM at that rate without a header.

    Raises BadAudio when it is no sound, none of the known formats, or over a limit.
    """
    return Pcm(b"".join(chunks(source, rate, raw_rate=raw_rate, limits=limits)), rate)


def chunks(
    source: Source,
    rate: int,
    *,
    raw_rate: int | None = None,
    limits: ReadLimits | None = None,
    progress: Progress | None = None,
) -> Iterator[bytes]:
    """The same piece by piece, for what is long: PCM of any length each, decoded as it is asked for."""
    bounds = limits or ReadLimits()
    with _reader(source, bounds) as (file, size):
        if raw_rate is not None:
            decoded = _resampled(_raw(file), raw_rate, rate)
        else:
            decoded = _contained(file, rate)
        most = int(bounds.seconds * rate) * SAMPLE_BYTES
        given, told = 0, 0.0
        for pcm in decoded:
            given += len(pcm)
            if given > most:
                raise BadAudio(f"the sound is longer than {bounds.seconds:g} s")
            if pcm:
                yield pcm
            share = min(1.0, file.tell() / size) if size else 1.0
            if progress is not None and share > told:
                told = share
                progress(share)


@contextmanager
def _reader(source: Source, limits: ReadLimits) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(source, bytes):
        size = len(source)
        file: BinaryIO = io.BytesIO(source)
    else:
        try:
            if not source.is_file():
                raise BadAudio(f"{source.name} is no file")
            size = source.stat().st_size
            file = source.open("rb")
        except OSError as error:
            raise BadAudio(f"{source.name}: {error.strerror}") from error
    with file:
        if size > limits.size:
            raise BadAudio(f"{size:,} bytes; {limits.size:,} is the most")
        yield file, size


# ── raw ───────────────────────────────────────────────────────────────────────────────────────────


def _raw(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _resampled(blocks: Iterator[bytes], source: int, target: int) -> Iterator[bytes]:
    resampler = StreamResampler(source, target)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.flush()


# ── containers ────────────────────────────────────────────────────────────────────────────────────


def demuxer(head: bytes) -> str:
    """FFmpeg's name of the format that the first 12 bytes show. Raises BadAudio for any other."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    # A frame of MPEG audio: 11 bits of sync and a layer (0 would be AAC), or tags before it.
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06):
        return "mp3"
    raise BadAudio("unknown sound format: neither WAV, Ogg, FLAC, MP3, Matroska nor WebM")


def _contained(file: BinaryIO, rate: int) -> Iterator[bytes]:
    name = demuxer(file.read(12))
    file.seek(0)
    with translating(name), _container(file, name) as container:
        yield from _decoded(container, name, rate)


@contextmanager
def _container(file: BinaryIO, name: str) -> Iterator[InputContainer]:
    container = av.open(file, "r", format=name, container_options={"protocol_whitelist": ""}, metadata_errors="replace")
    try:
        yield container
    finally:
        container.close()


def _decoded(container: InputContainer, name: str, rate: int) -> Iterator[bytes]:
    if not container.streams.audio:
        raise BadAudio(f"{name}: no sound in it")
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec is None:  # FFmpeg knows no decoder for it
        raise BadAudio(f"{name}: sound by an unknown codec")
    if not (codec.name.startswith("pcm_") or codec.name in _DECODERS):
        raise BadAudio(f"{name}: sound by {codec.name} is not read")
    if not 1 <= codec.channels <= _CHANNELS:
        raise BadAudio(f"{name}: {codec.channels} channels; {_CHANNELS} is the most")
    mono = av.AudioResampler(format="s16", layout="mono", rate=codec.sample_rate)
    resampler = StreamResampler(codec.sample_rate, rate)
    broken = frames = 0
    for packet in container.demux(stream):
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            broken += 1
            if broken > _BROKEN_PACKETS:
                raise
            continue
        for frame in decoded:
            frames += 1
            for part in mono.resample(frame):
                yield resampler.push(memoryview(part.planes[0])[: part.samples * SAMPLE_BYTES])
    if not frames:
        raise BadAudio(f"{name}: nothing in it could be decoded")
    for part in mono.resample(None):
        yield resampler.push(memoryview(part.planes[0])[: part.samples * SAMPLE_BYTES])
    yield resampler.flush()


# ── WAV out ───────────────────────────────────────────────────────────────────────────────────────


def wav(left: Pcm, right: Pcm | None = None) -> bytes:
    """A WAV file: mono, or stereo of two tracks of one rate, the shorter of which ends in silence."""
    if right is not None and right.rate != left.rate:
        raise BadAudio(f"two tracks at {left.rate} and {right.rate} Hz are no stereo")
    if right is None:
        data = left.data
    else:
        both = np.zeros((max(len(left), len(right)), 2), "<i2")
        both[: len(left), 0] = left.samples
        both[: len(right), 1] = right.samples
        data = both.tobytes()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if right is None else 2)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(left.rate)
        file.writeframes(data)
    return out.getvalue()
