"""The numbers that speak for and against a command, over passes written by hand."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence, fit, gather, texts, total
from vivavoce.inference.backends.pocketsphinx.pieces import Piece, Pieces

PHONES = {"stop": ("S", "T", "AA", "P"), "it": ("IH", "T"), "the": ("DH", "AH"), "shop": ("SH", "AA", "P")}


def heard(text: str, start: int, stop: int, score: float = -20.0) -> Piece:
    return Piece(text, text, start, stop, score)


def spelt(words: Pieces, score: float = -20.0) -> Pieces:
    """The phone loop over exactly those words, evenly in their time."""
    phones: list[Piece] = []
    for word in words:
        names = PHONES.get(word.text, (word.text,))
        step = (word.stop - word.start) // len(names)
        phones += [
            heard(name, word.start + step * n, word.start + step * (n + 1), score) for n, name in enumerate(names)
        ]
    return tuple(phones)


def evidence(command: Pieces, loop: Pieces | None = None, prose: Pieces | None = None) -> Evidence:
    return gather(
        command,
        spelt(command) if loop is None else loop,
        command if prose is None else prose,
        lambda variant: PHONES.get(variant, ()),
    )


STOP_IT = (heard("<sil>", 0, 20), heard("stop", 20, 60), heard("it", 60, 80), heard("<sil>", 80, 100))


def test_where_all_passes_agree_nothing_speaks_against_it() -> None:
    found = evidence(STOP_IT)
    assert (found.like_loop, found.like_prose, found.clarity, found.same_words, found.covered) == (1, 1, 1, 1, 1)
    assert (found.loss, found.worst_loss, found.gaps, found.surplus) == (0, 0, 0, 0)
    assert found.fit == found.worst_fit == -0.2
    assert found.shortness == pytest.approx(1 / 6)
    assert (found.slowest, found.fastest) == (0.5, 1.0)


def test_one_bad_word_shows_in_the_worst_and_less_in_the_mean() -> None:
    bad = (STOP_IT[0], STOP_IT[1], heard("it", 60, 80, -80), STOP_IT[3])
    found = evidence(bad, spelt(STOP_IT))
    assert found.worst_fit == -0.8
    assert found.worst_loss == pytest.approx(-0.6)
    assert found.fit == pytest.approx(-0.4)
    assert found.loss == pytest.approx(-0.2)


def test_speech_that_the_command_does_not_explain() -> None:
    more = (*spelt(STOP_IT[1:3]), heard("M", 80, 100), heard("UW", 100, 120))
    found = evidence(STOP_IT, more)
    assert found.covered == pytest.approx(0.6)
    assert found.surplus == pytest.approx(math.log(9 / 7))
    assert found.like_loop == pytest.approx(0.75)


def test_silence_inside_the_command_is_a_gap_and_around_it_none() -> None:
    apart = (STOP_IT[0], STOP_IT[1], heard("<sil>", 60, 90), heard("it", 90, 110), heard("<sil>", 110, 130))
    assert evidence(apart).gaps == pytest.approx(0.5)
    assert evidence(STOP_IT).gaps == 0


def test_other_words_in_free_speech() -> None:
    found = evidence(STOP_IT, prose=(heard("shop", 20, 60), heard("it", 60, 80)))
    assert found.same_words == 0.5
    assert found.like_prose == found.clarity
    assert 0 < found.like_prose < 1


def test_passes_that_heard_nothing_give_numbers_all_the_same() -> None:
    found = evidence((heard("stop", 20, 60),), loop=(), prose=())
    numbers = [getattr(found, field.name) for field in fields(found)]
    assert all(math.isfinite(number) for number in numbers)
    assert (found.like_loop, found.like_prose, found.same_words, found.covered) == (0, 0, 0, 0)


def test_scores_of_a_whole_decoding() -> None:
    assert texts(STOP_IT) == ("stop", "it")
    assert fit(STOP_IT) == -0.2
    assert total(STOP_IT) == -2000
    assert fit((STOP_IT[0],)) == -math.inf
