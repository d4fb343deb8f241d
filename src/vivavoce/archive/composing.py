"""From records to the two tracks of a recording: user left, reply right, 16 kHz, without a gap.

Only the last `BACK_S` are open to change, so an hour needs no more memory than two minutes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from vivavoce.archive.clock import RATE
from vivavoce.archive.records import BACK_S, CUT, END, LEFT, Record
from vivavoce.audio.pcm import view
from vivavoce.audio.resample import StreamResampler

Tracks = npt.NDArray[np.int16]
"""[samples, 2]."""

BLOCK: Final = RATE * 10
"""Samples that leave at once."""
_WINDOW: Final = RATE * (BACK_S + 30)
LONGEST: Final = RATE * 3600 * 6
"""A position further on is no position."""


class Composer:
    """Give it records, take blocks. Positions before `start` are left out."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._window: Tracks = np.zeros((_WINDOW, 2), np.int16)
        self._base = start
        """The position of the window's first sample."""
        self._end = start
        """Behind the last sample there is."""
        self._stop: int | None = None
        """Nothing goes beyond; None until that is known."""
        self._reply: _Stretch | None = None

    @property
    def length(self) -> int:
        """Samples so far."""
        return self._end - self._start

    def push(self, record: Record) -> Iterator[Tracks]:
        """One record; the blocks that are beyond change now."""
        if not 0 <= record.position - self._start + record.count < LONGEST:
            return
        if record.kind == LEFT:
            yield from self._put(record.position, view(record.pcm), 0)
        elif record.kind == CUT:
            yield from self._close()
            self._silence(record.position, record.count)
        elif record.kind == END:
            self._stop = self._end = max(self._base, record.position)
        else:
            if self._reply is None or not self._reply.goes_on(record):
                yield from self._close()
                self._reply = _Stretch(record)
            yield from self._put(*self._reply.push(record.pcm), 1)

    def flush(self) -> Iterator[Tracks]:
        """The rest."""
        yield from self._close()
        while self._base < self._end:
            yield self._leave(min(BLOCK, self._end - self._base))

    def _close(self) -> Iterator[Tracks]:
        stretch, self._reply = self._reply, None
        if stretch is not None:
            yield from self._put(*stretch.flush(), 1)

    def _put(self, position: int, samples: npt.NDArray[np.int16], track: int) -> Iterator[Tracks]:
        if position < self._base:
            samples, position = samples[self._base - position :], self._base
        if self._stop is not None:
            samples = samples[: max(0, self._stop - position)]
        while len(samples):
            room = max(0, self._base + _WINDOW - position)
            part, samples = samples[:room], samples[room:]
            if len(part):
                at = position - self._base
                self._window[at : at + len(part), track] = part
                position += len(part)
                self._end = max(self._end, position)
            if len(samples):
                yield self._leave(BLOCK)

    def _silence(self, position: int, count: int) -> None:
        start, stop = max(position, self._base), min(position + count, self._end)
        if start < stop:
            self._window[start - self._base : stop - self._base, 1] = 0

    def _leave(self, count: int) -> Tracks:
        block = self._window[:count].copy()
        self._window[:-count] = self._window[count:]
        self._window[-count:] = 0
        self._base += count
        self._end = max(self._end, self._base)
        return block


class _Stretch:
    """Sound of a reply without a wait in it, from its own rate to the clock's."""

    def __init__(self, first: Record) -> None:
        self._resampler = StreamResampler(first.rate, RATE)
        self._rate = first.rate
        self._start = self._at = first.position
        self._taken = 0

    def goes_on(self, record: Record) -> bool:
        """Positions are rounded to whole samples: one more or less is no gap."""
        expected = self._start + self._taken * RATE // self._rate
        return record.rate == self._rate and abs(record.position - expected) <= 1

    def push(self, pcm: bytes) -> tuple[int, npt.NDArray[np.int16]]:
        self._taken += len(pcm) // 2
        return self._advance(self._resampler.push(pcm))

    def flush(self) -> tuple[int, npt.NDArray[np.int16]]:
        return self._advance(self._resampler.flush())

    def _advance(self, pcm: bytes) -> tuple[int, npt.NDArray[np.int16]]:
        samples = view(pcm)
        at, self._at = self._at, self._at + len(samples)
        return at, samples
