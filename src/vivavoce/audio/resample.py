"""Resampling by libsoxr, as a stream and in one call, without drift: n samples become round(n × target / source).

Samples pass as 32-bit floats and are rounded here. libsoxr's own 16-bit output is dithered, so that silence would come
out as noise and the same sound never twice the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from vivavoce.audio.pcm import SAMPLE_BYTES, Pcm, view
from vivavoce.errors import BadAudio

_BLOCK_S: Final = 10
"""One call resamples so much at a time, so that an hour does not stand in memory four times."""
_RATES: Final = (4_000, 192_000)


def scaled(count: int, source: int, target: int) -> int:
    """How many samples at `target` Hz `count` samples at `source` Hz are, a half rounded up."""
    return (2 * count * target + source) // (2 * source)


class StreamResampler:
    """Resamples one stream of 16-bit mono PCM from `source` to `target` Hz.

    `live` takes the short filter: up to about 10 ms behind its input where the long one is 30 behind, at a quality that
    still is beyond what speech needs. Where sound is made faster than it is played the delay costs nothing.
    Between `flush`es the output lags by the filter's delay; with it, its length is exact.
    """

    def __init__(self, source: int, target: int, *, live: bool = False) -> None:
        for rate in (source, target):
            if not _RATES[0] <= rate <= _RATES[1]:
                raise BadAudio(f"{rate} Hz is outside {_RATES[0]:,}–{_RATES[1]:,}")
        self._source = source
        self._target = target
        self._soxr: soxr.ResampleStream | None = None
        if source != target:
            self._soxr = soxr.ResampleStream(source, target, 1, dtype="float32", quality="LQ" if live else "HQ")
        self._taken = 0
        self._given = 0

    def push(self, pcm: bytes | bytearray | memoryview) -> bytes:
        """More sound; what is ready at the target rate. Raises BadAudio on half a sample."""
        samples = view(pcm)
        if self._soxr is None:
            return bytes(pcm)
        self._taken += len(samples)
        return self._give(self._soxr.resample_chunk(samples.astype(np.float32)))

    def flush(self) -> bytes:
        """The rest. The resampler is as new afterwards."""
        if self._soxr is None:
            return b""
        rest = self._soxr.resample_chunk(np.zeros(0, np.float32), last=True) if self._taken else np.zeros(0, np.float32)
        missing = scaled(self._taken, self._source, self._target) - self._given
        out = self._give(rest[:missing])
        self._soxr.clear()
        self._taken = self._given = 0
        return out.ljust(missing * SAMPLE_BYTES, b"\0")

    def _give(self, floats: npt.NDArray[np.float32]) -> bytes:
        self._given += len(floats)
        np.rint(floats, out=floats)
        np.clip(floats, -32768, 32767, out=floats)
        return floats.astype("<i2").tobytes()


def resample(pcm: Pcm, rate: int) -> Pcm:
    """All of `pcm` at `rate` Hz; the same object where it already is."""
    if pcm.rate == rate:
        return pcm
    stream = StreamResampler(pcm.rate, rate)
    step = pcm.rate * _BLOCK_S * SAMPLE_BYTES
    data = memoryview(pcm.data)
    out = [stream.push(data[at : at + step]) for at in range(0, len(data), step)]
    return Pcm(b"".join([*out, stream.flush()]), rate)
