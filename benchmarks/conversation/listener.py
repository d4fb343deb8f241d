"""A client that knows to the sample what it was sent and what it has played, behind a network and a buffer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from vivavoce import aio
from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.conversation.inputs import Played
from vivavoce.conversation.outputs import Flush, Output, ReplyAudio
from vivavoce.testing.rehearsal import Loudspeaker


class Ledger:
    """Counts what comes of each reply by its offsets, and keeps the sound as it would be played."""

    def __init__(self) -> None:
        self.sound: dict[int, bytearray] = defaultdict(bytearray)
        self.lost = 0
        """Samples that were skipped."""
        self.doubled = 0
        """Samples that came again."""

    def take(self, reply: int, offset: int, pcm: bytes) -> None:
        sound = self.sound[reply]
        have = len(sound) // SAMPLE_BYTES
        self.lost += max(0, offset - have)
        self.doubled += max(0, have - offset)
        sound += pcm[max(0, have - offset) * SAMPLE_BYTES :]


@dataclass(frozen=True, slots=True)
class Line:
    """What is between the session and the ear, in seconds: one way, and before the first sample is played."""

    delay_s: float = 0.0
    buffer_s: float = 0.0


class Listener(Loudspeaker):
    """The rehearsal's loudspeaker on an exact clock, at the far end of a line."""

    def __init__(self, rate: int, line: Line, *, reports: bool) -> None:
        super().__init__(rate, reports=reports)
        self.line = line
        self.ledger = Ledger()
        self.played_at_flush: dict[int, float] = {}
        """Seconds of a flushed reply that had been played when the flush arrived."""
        self._at = 0.0
        self._from = 0.0

    def take(self, output: Output) -> None:
        self._later(self._arrived, output)

    def _arrived(self, output: Output) -> None:
        self._play()
        if isinstance(output, ReplyAudio):
            if output.reply != self.reply:
                self._from = aio.now() + self.line.buffer_s
            self.ledger.take(output.reply, output.offset, output.pcm)
        elif isinstance(output, Flush):
            self.played_at_flush[output.reply] = self.played / self.rate
        super().take(output)

    def tick(self, seconds: float) -> None:
        self._play()

    def _play(self) -> None:
        now = aio.now()
        since = now - max(self._at, self._from)
        self._at = now
        if since > 0:
            super().tick(since)

    def _report(self) -> None:
        session = self.session
        if self.reports and session is not None and self.reply > self.flushed:
            self._later(session.handle, Played(self.reply, self.played * 1000 / self.rate))

    def _later(self, act: Callable[..., None], *values: object) -> None:
        asyncio.get_running_loop().call_later(self.line.delay_s, act, *values)
