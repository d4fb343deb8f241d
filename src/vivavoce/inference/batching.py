"""One voice activity model for all sessions of a process: windows are gathered for a moment and scored together.

A window goes one of three ways. Quiet ones, as long as their stream is not in speech, are answered with 0.0 at
once by the energy gate and never reach the model. With few sessions open a window waits only for the loop's next
round; with many it waits up to `period_s` for company, because a batch halves its cost (5 ms gather as much as
10 ms where it counts: 300 sessions, 40 % in speech, cost 17 % of a core with either). Whatever waits is scored
in batches of one window per stream (a state is a chain), and after `slice_s` of that the loop gets its turn, so
that a resumed session which brings 30 s of sound at once holds nobody up.

Scored on the loop, not in a thread: measured with 300 sessions and a busy loop on one core, a batch of 32 takes
1.0 ms (p95 1.05) on the loop and 1.1 ms (p95 5.1) by way of a thread; with a second core the thread still waits
for the loop to let go of the interpreter, which a busy loop hardly does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from vivavoce.audio.level import EnergyGate
from vivavoce.audio.pcm import SAMPLE_BYTES, Samples, view
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import Vad

log = logging.getLogger(__name__)

OnScore = Callable[[float], None]


class Gate(Protocol):
    """Says of a window of one stream whether it is too quiet to be speech; asked in order, and not in speech."""

    def quiet(self, window: Samples) -> bool: ...


class _Window(NamedTuple):
    pcm: bytes
    loud: bool
    """The gate was asked and let it through; it is asked once."""


class VadStream:
    """One session's windows in, their scores out, in order, one `on_score` per window.

    Set `speaking` while the session is in speech: then the gate keeps still, so that a word which fades is
    heard to its end by the model.
    """

    __slots__ = ("_batcher", "_gate", "_last", "_on_score", "_state", "_waiting", "closed", "speaking")

    def __init__(self, batcher: VadBatcher, gate: Gate | None, on_score: OnScore, state: object) -> None:
        self._batcher = batcher
        self._gate = gate
        self._on_score = on_score
        self._state = state
        self._waiting: deque[_Window] = deque()
        self._last = 0.0
        self.speaking = False
        self.closed = False

    def push(self, window: bytes | Samples) -> None:
        """The next window (512 samples). `on_score` may be called before this returns. Raises Closed, BackendError.

        More than `limit` windows waiting (the machine cannot keep up) are not kept: the oldest is answered with
        the score before it, so that audio time stays true.
        """
        if self.closed:
            raise Closed("this stream is closed")
        data = window if isinstance(window, bytes) else window.tobytes()
        self._batcher._check(data)
        asked = not self._waiting and not self.speaking
        if asked and self._hushed(data):
            self._answer(0.0)
            return
        self._waiting.append(_Window(data, asked))
        self._batcher._take(self)

    def close(self) -> None:
        """No more scores; safe at any time, also from within `on_score`."""
        self._batcher._forget(self)

    def _hushed(self, pcm: bytes) -> bool:
        return self._gate is not None and self._gate.quiet(view(pcm))

    def _answer(self, score: float) -> None:
        self._last = score
        self._on_score(score)


class VadBatcher:
    """Opens streams on `vad`; see the head of this module. Used on one loop.

    `gate` makes the energy gate of a stream; without one every window is scored. `eager` is the number of open
    streams up to which nothing waits. `clock` is the wall clock (s) that slices are measured with.
    """

    def __init__(
        self,
        vad: Vad,
        gate: Callable[[], Gate] | None = EnergyGate,
        *,
        period_s: float = 0.005,
        slice_s: float = 0.004,
        eager: int = 16,
        limit: int = 1875,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._vad = vad
        self._gate = gate
        self._period_s = period_s
        self._slice_s = slice_s
        self._eager = eager
        self._limit = limit
        self._clock = clock
        self._batch = vad.capabilities.batch
        self._bytes = vad.capabilities.window * SAMPLE_BYTES
        self._streams: set[VadStream] = set()
        self._ready: deque[VadStream] = deque()
        self._timer: asyncio.Handle | None = None
        self._soon = False
        self.scored = 0
        """Windows that the model has seen."""
        self.dropped = 0
        """Windows answered unseen because their stream was too far behind."""
        self.failures = 0
        """Calls of the model that failed."""

    def __len__(self) -> int:
        """Open streams."""
        return len(self._streams)

    @property
    def window(self) -> int:
        """Samples in a window."""
        return self._vad.capabilities.window

    def open(self, on_score: OnScore) -> VadStream:
        """A stream for one session. `on_score` gets a probability for each window; it must not raise."""
        stream = VadStream(self, self._gate() if self._gate else None, on_score, self._vad.start())
        self._streams.add(stream)
        return stream

    def close(self) -> None:
        """Closes all streams; nothing is left scheduled."""
        for stream in tuple(self._streams):
            self._forget(stream)

    def _check(self, window: bytes) -> None:
        if len(window) != self._bytes:
            raise BackendError(f"a window of {len(window)} bytes; the model wants {self._bytes}")

    def _forget(self, stream: VadStream) -> None:
        stream.closed = True
        stream._waiting.clear()
        self._streams.discard(stream)
        if not self._streams and self._timer is not None:
            self._ready.clear()
            self._timer.cancel()
            self._timer = None

    def _take(self, stream: VadStream) -> None:
        """`stream` has one more window waiting."""
        if len(stream._waiting) == 1:
            self._ready.append(stream)
        elif len(stream._waiting) > self._limit:
            stream._waiting.popleft()
            self.dropped += 1
            stream._answer(stream._last)
        self._schedule()

    def _schedule(self) -> None:
        soon = len(self._streams) <= self._eager or len(self._ready) >= self._batch
        if self._timer is not None:
            if self._soon or not soon:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._soon = soon
        self._timer = loop.call_soon(self._run) if soon else loop.call_later(self._period_s, self._run)

    def _run(self) -> None:
        """Score what waits, for one slice; the rest in the loop's next round."""
        self._timer = None
        self._soon = False
        until = self._clock() + self._slice_s
        try:
            while self._ready:
                self._round()
                if self._clock() >= until:
                    break
        finally:
            if self._ready and self._timer is None:
                self._soon = True
                self._timer = asyncio.get_running_loop().call_soon(self._run)

    def _round(self) -> None:
        """One window of each waiting stream, up to a batch for the model."""
        answers: list[tuple[VadStream, float]] = []
        batch: list[tuple[VadStream, _Window]] = []
        more: list[VadStream] = []
        for _ in range(len(self._ready)):
            stream = self._ready.popleft()
            if not stream._waiting:
                continue
            window = stream._waiting.popleft()
            if stream._waiting:
                more.append(stream)
            if not window.loud and not stream.speaking and stream._hushed(window.pcm):
                answers.append((stream, 0.0))
                continue
            batch.append((stream, window))
            if len(batch) == self._batch:
                break
        self._ready.extend(more)
        if batch:
            answers += zip([stream for stream, _ in batch], self._score(batch), strict=True)
        self._deliver(iter(answers))

    def _score(self, batch: Sequence[tuple[VadStream, _Window]]) -> Sequence[float]:
        windows = np.frombuffer(b"".join([window.pcm for _, window in batch]), "<i2").reshape(len(batch), -1)
        try:
            scores = self._vad.score(windows, [stream._state for stream, _ in batch])
        except BackendError:
            self.failures += 1
            if self.failures == 1:
                log.exception("the voice activity model failed; the energy gate stands in for it")
            return [1.0 if window.loud or not stream._hushed(window.pcm) else 0.0 for stream, window in batch]
        self.scored += len(batch)
        return scores

    def _deliver(self, answers: Iterator[tuple[VadStream, float]]) -> None:
        """An `on_score` that raises is the loop's to report; the other streams get theirs in the next round."""
        try:
            for stream, score in answers:
                if not stream.closed:
                    stream._answer(score)
        finally:
            if rest := list(answers):
                asyncio.get_running_loop().call_soon(self._deliver, iter(rest))
