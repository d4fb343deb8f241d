"""How much the decoding processes have to do, and what follows from it. Callers bring the time; no threads, no clock.

calm      everything is done thoroughly, and idle processes glance at what is still being said
crowded   somebody has waited noticeably, or was refused, within the last seconds: nobody glances, commands are judged
          in haste
full      a new job would be done too late: it is refused at once. Those who were admitted are answered then, where a
          queue without this bound keeps everybody waiting until all give up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.inference.backends.pocketsphinx.worker import Kind

NOTICEABLE_S = 0.3
CROWDED_S = 3.0
_USUAL = {Kind.GLANCE: 0.1, Kind.READ: 0.2, Kind.JUDGE: 0.4, Kind.JUDGE_HASTILY: 0.25}
"""Seconds of work per second of sound on one core of 2024, until this machine has told its own."""
_MEMORY = 0.7
"""Weight of what was known before in each new mean: three jobs or so count."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a speaker's wait and a process's work come to an end at."""

    waiting: int = 64
    """Jobs in front of the processes; each stands for one speaker whose utterance has ended."""
    answer_s: float = 4.5
    """For the end of an utterance: shorter than the 5 s of whoever asks, whose time-out counts as a failure. A machine
    that is too slow for its speakers is none.
    """
    foreseen_s: float = 3.0
    """Until a job is done, as far as can be foreseen when it comes."""
    stuck_s: float = 10.0
    """For a job, over the length of its sound; then its process is replaced. Where other programs take most of the
    machine, the processes, which step back for them, need several times what they need alone; one that is killed for
    that has to load again.
    """


Piece = tuple[Kind, int]
"""What is to be done, and the bytes of its sound."""


class Load:
    """Of `size` processes that shall be done within `foreseen_s`. Times are monotonic seconds."""

    def __init__(self, size: int, foreseen_s: float) -> None:
        self._size = size
        self._foreseen_s = foreseen_s
        self._pace = dict(_USUAL)
        self._crowded_until = float("-inf")

    def cost(self, piece: Piece) -> float:
        """Seconds that a process will need for it."""
        kind, size = piece
        return self._pace[kind] * size / (INPUT_RATE * SAMPLE_BYTES)

    def took(self, piece: Piece, seconds: float) -> None:
        """Learn from a job that was done."""
        kind, size = piece
        pace = seconds * INPUT_RATE * SAMPLE_BYTES / max(1, size)
        self._pace[kind] = _MEMORY * self._pace[kind] + (1 - _MEMORY) * pace

    def is_full(self, new: Piece, waiting: Iterable[Piece], running: Iterable[tuple[Piece, float]]) -> bool:
        """Whether `new` would be done too late, behind those `waiting` and `running`, these since so many seconds.

        One that takes longer than expected is expected to take as long again: it may be stuck.
        """
        ahead = sum(map(self.cost, waiting))
        ahead += sum(abs(self.cost(piece) - since) for piece, since in running)
        return ahead / self._size + self.cost(new) > self._foreseen_s

    def waited(self, seconds: float, at: float) -> None:
        """A job has waited that long and begins."""
        if seconds > NOTICEABLE_S:
            self._crowded_until = at + CROWDED_S

    def refused(self, at: float) -> None:
        self._crowded_until = at + CROWDED_S

    def is_crowded(self, at: float) -> bool:
        return at < self._crowded_until
