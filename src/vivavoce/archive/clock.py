"""The sample clock of a conversation: 16 kHz, counted in the user's sound, on which both sides are placed.

While sound comes as it is spoken, the position is the number of samples that came, and nothing else: an hour drifts by
no sample. Where none comes (the microphone is muted, the line is down, a turn-based client has said its say) the loop's
clock carries on. When it comes again, one of three things has happened, and only its pace tells which:

- it comes faster than it was spoken: it was kept meanwhile, and goes where the last of it ended, if that is not longer
  ago than sound is kept;
- it comes at its pace, and the silence was longer than `GAP_S`: nothing was said there, it goes where the clock is;
- it comes at its pace, and the silence was short: the line has become slower, and the clock follows it.

No clock is read for a frame: whoever asks gives the time, and what came since the last look is judged as one.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

RATE: Final = 16_000
LIVE_S: Final = 0.06
"""Sound that is so little behind the loop's clock is as good as there: frames are 20 ms, networks jitter."""
GAP_S: Final = 0.3
"""A shorter silence is no gap."""
PACE_S: Final = 0.5
"""The pace at which sound comes again is measured for so long; it waits, unplaced, meanwhile."""
SLEW: Final = 0.005
"""Seconds a second that the loop's clock gives in to sound that is a little behind it."""
KEPT_S: Final = 90.0
"""No client keeps sound for longer: a lost line is waited for 60 s, and 30 s come with it."""
CATCHING_UP: Final = 0.2
"""Sound that gains so much on the clock (seconds a second) is catching up."""


class SampleClock:
    """Positions are samples at 16 kHz since the conversation began; `now` are the loop's seconds."""

    __slots__ = ("_anchor", "_anchor_at", "_breaks", "_inputs", "_left", "_placed", "_returned", "_silent", "fed")

    def __init__(self, now: float, start: int = 0) -> None:
        self.fed = 0
        """Samples that came. Raised by whoever feeds, and nothing else is done for a frame."""
        self._placed = 0
        """Of them those that have a position."""
        self._left = start
        """Where the next of them goes, if it goes on from the last."""
        self._anchor: float = start
        self._anchor_at = now
        self._silent = False
        """No sound comes, or it has not caught up yet."""
        self._returned: tuple[float, float] | None = None
        """Since when sound comes again, and how many samples it was behind then."""
        self._inputs = [0]
        self._breaks = [start]
        """From input sample `_inputs[i]` on, positions count from `_breaks[i]`."""

    def position(self, now: float) -> int:
        """Where the conversation is."""
        left = self._left + self.fed - self._placed
        expected = self._expected(now)
        return left if expected - left <= LIVE_S * RATE else int(expected)

    def look(self, now: float, *, final: bool = False) -> int | None:
        """Place what came since it was placed last; where it begins, or None: nothing came, or it has to wait.

        With `final` it does not wait: no more will come.
        """
        fresh = self.fed - self._placed
        behind = self._expected(now) - (self._left + fresh)
        if behind <= LIVE_S * RATE:
            # The loop's clock was not wrong because one frame is late; a slow sound card is followed all the same.
            return self._live(fresh, now, self._expected(now) - SLEW * (now - self._anchor_at) * RATE)
        if not self._silent:  # it has just ceased, and this is its end
            self._silent = True
            return self._place(fresh) if fresh else None
        if not fresh:
            self._returned = None
            return None
        if self._returned is None and not final:
            self._returned = (now, behind)
            return None
        since, was_behind = self._returned or (now, behind)
        if now - since < PACE_S and not final:
            return None
        if was_behind - behind > CATCHING_UP * (now - since) * RATE and was_behind <= KEPT_S * RATE:
            self._returned = (now, behind)
            return self._place(fresh)
        if behind > GAP_S * RATE:
            self._jump(int(self._expected(now)) - fresh)
        return self._live(fresh, now)

    def at_input(self, sample: int) -> int:
        """The position of the user's sample with that number."""
        place = bisect_right(self._inputs, sample) - 1
        return self._breaks[place] + sample - self._inputs[place]

    def _expected(self, now: float) -> float:
        return self._anchor + (now - self._anchor_at) * RATE

    def _live(self, fresh: int, now: float, least: float = 0.0) -> int | None:
        at = self._place(fresh) if fresh else None
        self._returned, self._silent = None, False
        if fresh:
            self._anchor, self._anchor_at = max(self._left, least), now
        return at

    def _place(self, fresh: int) -> int:
        at = self._left
        self._left += fresh
        self._placed += fresh
        return at

    def _jump(self, to: int) -> None:
        self._inputs.append(self._placed)
        self._breaks.append(to)
        self._left = to
