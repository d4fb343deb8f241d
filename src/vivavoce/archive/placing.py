"""Where a reply sounds on the sample clock: sample by sample from where it began, but for where it had to wait.

A reply waits when it is held, when its source runs dry, and when the line is lost and it goes on from the sample heard
last. Each time a new stretch begins, and what came of it before beyond that sample was not heard.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import Final, Literal

from vivavoce.archive.clock import RATE

SLACK: Final = RATE * 20 // 1000
"""A piece that comes one frame too late is not late: it is sent ahead of its time."""

Came = Literal["on", "late", "again"]


class Placing:
    """One reply; `offset`s are its samples at `rate` Hz, positions those of the sample clock."""

    __slots__ = ("_held", "_rate", "_stretches", "came", "reply")

    def __init__(self, reply: int, rate: int, offset: int, position: int) -> None:
        self.reply = reply
        self._rate = rate
        self._stretches: list[tuple[int, int]] = [(offset, position)]
        """(offset, position), rising in both."""
        self._held: int | None = None
        self.came = offset
        """Samples up to here came."""

    def piece(self, offset: int, count: int, position: int) -> Came:
        """`count` samples from `offset` on leave now: in their time, late, or for the second time."""
        how: Came = "on"
        if offset < self.came:
            how = "again"
            while len(self._stretches) > 1 and self._stretches[-1][0] >= offset:
                self._stretches.pop()
            if self._stretches[-1][0] >= offset:
                self._stretches.clear()
            self._stretches.append((offset, position))
            self._held = None
        elif self._held is None and self.place(offset) < position - SLACK:
            how = "late"
            self._stretches.append((offset, position))
        self.came = offset + count
        return how

    @property
    def held_at(self) -> int | None:
        """The position at which it was held, while it is."""
        return self._held

    def hold(self, position: int) -> None:
        if self._held is None:
            self._held = position

    def release(self, position: int) -> None:
        """It goes on at the sample that would have sounded when it was held."""
        held, self._held = self._held, None
        if held is None:
            return
        offset = self.sounding(held)
        if offset < self.came and position > held:
            self._stretches.append((offset, position))

    @property
    def began(self) -> int:
        """The position of its first sample."""
        return self._stretches[0][1]

    def place(self, offset: int) -> int:
        """Where that sample sounds, as far as one knows now."""
        start, position = self._stretches[self._index(offset)]
        return position + (offset - start) * RATE // self._rate

    def sounding(self, position: int) -> int:
        """The sample that sounds at that position, at most the last that came."""
        start, begins = self._stretches[-1]
        return min(self.came, start + max(0, position - begins) * self._rate // RATE)

    def pieces(self, offset: int, stop: int) -> list[tuple[int, int, int]]:
        """Samples `offset` to `stop`, cut where the reply waited: (first sample, behind the last, position)."""
        out = []
        while offset < stop:
            place = self._index(offset)
            end = stop if place + 1 == len(self._stretches) else min(stop, self._stretches[place + 1][0])
            out.append((offset, end, self.place(offset)))
            offset = end
        return out

    def _index(self, offset: int) -> int:
        return max(0, bisect_right(self._stretches, offset, key=itemgetter(0)) - 1)
