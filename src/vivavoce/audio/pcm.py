"""PCM value types. Inside the house sound is mono, signed 16-bit little-endian `bytes`; durations are samples.

Milliseconds appear only where a person or a peer reads them; `ms` and `samples` are the two conversions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vivavoce.errors import BadAudio

Samples = npt.NDArray[np.int16]

INPUT_RATE = 16_000
"""Hz of everything that is heard."""
FRAME_MS = 20
FRAME_SAMPLES = INPUT_RATE * FRAME_MS // 1000
SAMPLE_BYTES = 2


def samples(milliseconds: float, rate: int) -> int:
    """Whole samples in a duration given in ms."""
    return round(milliseconds * rate / 1000)


def ms(count: int, rate: int) -> float:
    """Milliseconds of `count` samples."""
    return count * 1000 / rate


def view(pcm: bytes | bytearray | memoryview) -> Samples:
    """The samples of `pcm`, without a copy. Raises BadAudio on an odd number of bytes."""
    if len(pcm) % SAMPLE_BYTES:
        raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples")
    return np.frombuffer(pcm, "<i2")


def silence(milliseconds: float, rate: int) -> bytes:
    """Silence of that length, as PCM bytes."""
    return bytes(SAMPLE_BYTES * samples(milliseconds, rate))


@dataclass(frozen=True, slots=True)
class Pcm:
    """A stretch of mono sound: 16-bit little-endian `data` at `rate` Hz."""

    data: bytes
    rate: int

    def __post_init__(self) -> None:
        if len(self.data) % SAMPLE_BYTES:
            raise BadAudio(f"{len(self.data)} bytes are no whole number of 16-bit samples")
        if not 4_000 <= self.rate <= 192_000:
            raise BadAudio(f"{self.rate} Hz is outside 4,000–192,000")

    def __len__(self) -> int:
        """Samples."""
        return len(self.data) // SAMPLE_BYTES

    @property
    def ms(self) -> float:
        return ms(len(self), self.rate)

    @property
    def samples(self) -> Samples:
        return view(self.data)

    def cut(self, start: int, stop: int | None = None) -> Pcm:
        """Samples `start` to `stop`, counted from the beginning."""
        end = None if stop is None else stop * SAMPLE_BYTES
        return Pcm(self.data[start * SAMPLE_BYTES : end], self.rate)
