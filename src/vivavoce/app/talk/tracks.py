"""Both sides of a conversation as one stereo WAV: the user left, the reply right, sample by sample."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES, Pcm, view
from vivavoce.audio.resample import resample
from vivavoce.errors import ConfigError


def write_stereo(file: Path, said: bytes, heard: bytes, rate: int) -> None:
    """`said` at 16 kHz and `heard` at `rate`, begun together. Raises ConfigError when it cannot be written."""
    left = resample(Pcm(said, INPUT_RATE), rate).samples
    right = view(heard)
    both = np.zeros((max(len(left), len(right)), 2), "<i2")
    both[: len(left), 0] = left
    both[: len(right), 1] = right
    write_wav(file, both.tobytes(), rate, channels=2)


def write_wav(file: Path, pcm: bytes, rate: int, channels: int = 1) -> None:
    """16-bit PCM as a WAV file. Raises ConfigError when it cannot be written."""
    try:
        with wave.open(str(file), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(SAMPLE_BYTES)
            out.setframerate(rate)
            out.writeframes(pcm)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or 'cannot be written'}") from error
