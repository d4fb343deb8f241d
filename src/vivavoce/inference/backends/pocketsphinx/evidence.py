"""What speaks for and against the sentence that the grammar pass found: the numbers that rejection weighs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vivavoce.inference.backends.pocketsphinx.phones import confusion, likeness, mismatch
from vivavoce.inference.backends.pocketsphinx.pieces import Piece, Pieces

_SHORTEST = 4
Pronounce = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All are dimensionless and of the order of 1. "The loop" is the pass over free phones, "prose" free speech."""

    fit: float
    """Score of the command's frames."""
    loss: float
    """How much of that score free phones would win back."""
    worst_fit: float
    worst_loss: float
    """The same for the worst word: a near miss is wrong in one place."""
    like_loop: float
    like_prose: float
    """Likeness of the command's phones to those of the other two passes."""
    clarity: float
    """Likeness of those two to each other: how much they can be relied on."""
    same_words: float
    covered: float
    """Share of the loop's speech frames that the command explains."""
    gaps: float
    """Frames of silence and noise inside the command, over those of its words."""
    surplus: float
    """Log ratio of the phones heard by the loop to those of the command."""
    shortness: float
    """1 over the number of phones, at least four: shorter commands were too few to be fitted on."""
    slowest: float
    fastest: float
    """Frames per phone of the words farthest from usual."""


def gather(command: Pieces, loop: Pieces, prose: Pieces, pronounce: Pronounce) -> Evidence:
    """The evidence for `command`, which has at least one word."""
    words = [piece for piece in command if not piece.filler]
    frames = sum(piece.stop - piece.start for piece in words)
    reference = _frame_scores(loop)
    losses = [piece.score - _mean(reference, piece) for piece in words]
    lengths = [max(1, len(pronounce(piece.variant))) for piece in words]
    rates = [(piece.stop - piece.start) / length for piece, length in zip(words, lengths, strict=True)]
    said = _phones(command, pronounce)
    looped = tuple(piece.text for piece in loop if not piece.filler)
    read = _phones(prose, pronounce)
    return Evidence(
        fit=fit(command),
        loss=sum(loss * (piece.stop - piece.start) for loss, piece in zip(losses, words, strict=True)) / frames / 100,
        worst_fit=min(piece.score for piece in words) / 100,
        worst_loss=min(losses) / 100,
        like_loop=likeness(said, looped, confusion),
        like_prose=likeness(said, read, confusion),
        clarity=likeness(looped, read, confusion),
        same_words=likeness(texts(command), texts(prose), mismatch),
        covered=_covered(words, loop),
        gaps=min(1.0, sum(piece.stop - piece.start for piece in command[1:-1] if piece.filler) / frames),
        surplus=math.log((len(looped) + 1) / (len(said) + 1)),
        shortness=1 / max(_SHORTEST, len(said)),
        slowest=min(40.0, max(rates)) / 20,
        fastest=min(10.0, min(rates)) / 10,
    )


def fit(command: Pieces) -> float:
    """The score of its words per frame, in hundreds; the worst where there are none."""
    words = [piece for piece in command if not piece.filler]
    frames = sum(piece.stop - piece.start for piece in words)
    return sum(piece.score * (piece.stop - piece.start) for piece in words) / frames / 100 if frames else -math.inf


def total(command: Pieces) -> float:
    """The score of all its frames, fillers too: comparable between decodings of the same sound."""
    return sum(piece.score * (piece.stop - piece.start) for piece in command)


def texts(pieces: Pieces) -> tuple[str, ...]:
    """The words, without fillers."""
    return tuple(piece.text for piece in pieces if not piece.filler)


def _phones(pieces: Pieces, pronounce: Pronounce) -> tuple[str, ...]:
    return tuple(phone for piece in pieces if not piece.filler for phone in pronounce(piece.variant))


def _frame_scores(loop: Pieces) -> list[float]:
    scores: list[float] = []
    for piece in loop:
        scores += [piece.score] * (piece.stop - piece.start)
    return scores


def _mean(scores: list[float], piece: Piece) -> float:
    part = scores[piece.start : piece.stop]
    return sum(part) / len(part) if part else 0.0


def _covered(words: list[Piece], loop: Pieces) -> float:
    explained = {frame for word in words for frame in range(word.start, word.stop)}
    spoken = [frame for piece in loop if not piece.filler for frame in range(piece.start, piece.stop)]
    return sum(frame in explained for frame in spoken) / len(spoken) if spoken else 0.0
