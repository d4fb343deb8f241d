"""What is recorded of a session, as one recording after another: so the encoder frees the spool while people talk.

A recording ends at a sample of the sample clock, and the next one begins there. But news of what was before still come:
sound that a client kept while its line was down, and where a reply was cut that had been sent. So both stay open for a
while, and each gets the records that touch its span. A record across the seam goes to both whole, with a margin, and
the composer cuts it to the sample: that way the resampler hears what is before and behind, and the seam is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from vivavoce.archive.clock import RATE
from vivavoce.archive.journal import RecordingDraft
from vivavoce.archive.placing import Placing
from vivavoce.archive.records import BACK_S, Record, end

LONGEST: Final = 600 * RATE
"""Samples of one recording; then the next begins."""
MOST: Final = 32 << 20
"""Bytes of one recording in the spool; then the next begins."""
GRID: Final = RATE // 20
"""One that another follows is a whole number of peaks long, and of milliseconds: they go on as if it were one."""
MARGIN: Final = RATE // 10
"""The resampler looks at some 30 ms to both sides of a sample."""


class Handing(Protocol):
    """Records to be spooled; after the last ones the recording is complete."""

    def __call__(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None: ...


@dataclass(slots=True)
class _Open:
    draft: RecordingDraft
    size: int = 0
    """Bytes handed in."""
    told: bool = False
    """It has a row."""
    ends: bool = False
    """Its `stop` is where the next one begins."""

    def touched(self, record: Record) -> bool:
        behind = self.ends and record.position >= self.draft.stop + MARGIN
        return record.stop > self.draft.start - MARGIN and not behind


class Rolling:
    """`begin` makes the draft of a recording from a position on, `tell` has its row written, `hand_in` its sound."""

    def __init__(
        self,
        start: int,
        *,
        begin: Callable[[int], RecordingDraft],
        tell: Callable[[RecordingDraft], None],
        hand_in: Handing,
    ) -> None:
        self._begin = begin
        self._tell = tell
        self._hand_in = hand_in
        self._open = [_Open(begin(start))]
        """One, or two while the first is still told of."""
        self._reach = start
        """Nothing has been handed in from there on."""

    def take(self, records: Sequence[Record], position: int, sounding: Placing | None) -> None:
        """What became known until the conversation came to `position`; `sounding` is the reply that is not over."""
        self._give(records)
        newest = self._open[-1]
        newest.draft.stop = position
        first = self._open[0]
        if first is not newest:
            told = sounding is None or sounding.began >= first.draft.stop
            if told and position >= first.draft.stop + BACK_S * RATE:
                self._close(self._open.pop(0))
        elif position - newest.draft.start >= LONGEST or newest.size >= MOST:
            self._roll(position)

    def stop(self, records: Sequence[Record], position: int) -> None:
        """Nothing more is recorded."""
        self._open[-1].draft.stop = position
        self._give(records)
        for one in self._open:
            self._close(one)
        self._open.clear()

    def _roll(self, position: int) -> None:
        ending = self._open[-1]
        start = ending.draft.start
        seam = start + -(-(max(position, self._reach) - start) // GRID) * GRID
        ending.draft.stop, ending.ends = seam, True
        self._put(ending, [end(seam)])
        self._open.append(_Open(self._begin(seam)))

    def _give(self, records: Sequence[Record]) -> None:
        for one in self._open:
            self._put(one, [record for record in records if one.touched(record)])
        # A position is rounded, and what the resampler makes of a record may reach one sample further.
        self._reach = max(self._reach, *(record.stop + 1 for record in records), 0)

    def _put(self, one: _Open, records: Sequence[Record]) -> None:
        if records:
            chunk = b"".join(map(bytes, records))
            one.size += len(chunk)
            self._hand_in(one.draft, chunk, last=False)
        if one.size and not one.told and one.draft.conversation.turns:
            one.told = True
            self._tell(one.draft)

    def _close(self, one: _Open) -> None:
        if one.size:  # else nobody knows of it
            self._hand_in(one.draft, b"", last=True)
