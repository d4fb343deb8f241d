"""Sound files in and out: any common format is read, both sides are written as one stereo WAV."""

from __future__ import annotations

from pathlib import Path

from vivavoce.audio.containers import read, wav
from vivavoce.audio.pcm import INPUT_RATE, Pcm
from vivavoce.audio.resample import resample
from vivavoce.errors import BadAudio, ConfigError

HEADERLESS = frozenset({".raw", ".pcm"})
"""Names of files that hold nothing but 16-bit samples at 16 kHz."""


def read_sound(file: Path) -> bytes:
    """16 kHz PCM. Raises ConfigError for a file that cannot be read, BadAudio, with its name, for what is no sound."""
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such file")
    try:
        return read(file, INPUT_RATE, raw_rate=INPUT_RATE if file.suffix.lower() in HEADERLESS else None).data
    except BadAudio as error:
        raise BadAudio(f"{file}: {error.message}") from error


def write_stereo(file: Path, said: bytes, heard: bytes, rate: int) -> None:
    """`said` (16 kHz) left and `heard` (at `rate`) right, begun together. Raises ConfigError as `write` does."""
    write(file, resample(Pcm(said, INPUT_RATE), rate), Pcm(heard, rate))


def write(file: Path, left: Pcm, right: Pcm | None = None) -> None:
    """A WAV file, mono or stereo. Raises ConfigError when it cannot be written."""
    try:
        file.write_bytes(wav(left, right))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or 'cannot be written'}") from error
