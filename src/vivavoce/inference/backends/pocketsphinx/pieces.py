"""What a decoding pass finds: words or phones, each with its place and its score."""

from __future__ import annotations

import re
from dataclasses import dataclass

FRAMES_PER_SECOND = 100
_FILLER = re.compile(r"<.*>|\[.*\]|\+.*\+|SIL")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or phone from frame `start` to `stop` (10 ms each, exclusive). `score` is its log-likelihood per frame
    below that of the best senone of each frame: 0 is perfect, −100 is bad."""

    text: str
    variant: str
    start: int
    stop: int
    score: float

    @property
    def filler(self) -> bool:
        return _FILLER.fullmatch(self.text) is not None


Pieces = tuple[Piece, ...]
