"""The recorder of one session: takes both sides as they come and gives records, placed on the sample clock.

The user's sound is kept until the clock has a place for it, the reply's until it has surely sounded: what is held,
flushed or sent twice is mostly put right before it is written. The rest is taken back by a later record.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from vivavoce.archive.clock import RATE
from vivavoce.archive.placing import Placing
from vivavoce.archive.records import LEFT, RIGHT, Record, cut, sound
from vivavoce.audio.pcm import SAMPLE_BYTES

UNSURE: Final = RATE // 2
"""So long after it should have sounded a piece waits for news that it did not."""


class Recorder:
    """Neither waits nor writes: `take` gives what has to be written."""

    __slots__ = ("_frames", "_given", "_pieces", "_rate", "_records", "heard")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frames: list[bytes] = []
        self.heard = self._frames.append
        """The user's sound, fifty times a second: no call is cheaper than this one."""
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._given = 0
        """Samples of the reply that have a record."""
        self._records: list[Record] = []

    def place(self, position: int) -> None:
        """What was heard since the last time begins there."""
        if self._frames:
            self._records.append(sound(LEFT, position, RATE, b"".join(self._frames)))
            self._frames.clear()

    def begin(self, offset: int) -> None:
        """A reply begins to sound with that sample."""
        self._pieces.clear()
        self._given = offset

    def piece(self, offset: int, pcm: bytes) -> None:
        """Sound of the reply leaves; `withdraw` comes first where it came before."""
        self._pieces.append((offset, pcm))

    def withdraw(self, placing: Placing, offset: int) -> None:
        """What was sent from that sample on was not heard."""
        while self._pieces and self._pieces[-1][0] >= offset:
            self._pieces.pop()
        if self._pieces:
            start, pcm = self._pieces[-1]
            self._pieces[-1] = (start, pcm[: (offset - start) * SAMPLE_BYTES])
        for _, stop, position in placing.pieces(offset, self._given):
            end = placing.place(stop - 1) + 1
            self._records.append(cut(position, end))
        self._given = min(self._given, offset)

    def settle(self, placing: Placing, position: int) -> None:
        """The conversation is at `position`: what has surely sounded gets its place."""
        sure = position - UNSURE
        if placing.held_at is not None:
            sure = min(sure, placing.held_at)
        while self._pieces:
            offset, pcm = self._pieces[0]
            if placing.place(offset + len(pcm) // SAMPLE_BYTES) > sure:
                break
            self._pieces.popleft()
            self._give(placing, offset, pcm)

    def finish(self, placing: Placing, stop: int | None) -> None:
        """The reply is over and was heard up to that sample; None: all of it was."""
        if stop is not None:
            self.withdraw(placing, stop)
        for offset, pcm in self._pieces:
            self._give(placing, offset, pcm)
        self._pieces.clear()

    def take(self) -> list[Record]:
        """The records since the last time."""
        records, self._records = self._records, []
        return records

    def _give(self, placing: Placing, offset: int, pcm: bytes) -> None:
        stop = offset + len(pcm) // SAMPLE_BYTES
        for start, end, position in placing.pieces(offset, stop):
            part = pcm[(start - offset) * SAMPLE_BYTES : (end - offset) * SAMPLE_BYTES]
            self._records.append(sound(RIGHT, position, self._rate, part))
        self._given = max(self._given, stop)
