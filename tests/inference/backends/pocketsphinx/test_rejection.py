"""What the conversation is told: a command, a question, words to quote, words not understood, or nothing."""

from __future__ import annotations

from dataclasses import replace

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence, gather
from vivavoce.inference.backends.pocketsphinx.pieces import Piece
from vivavoce.inference.backends.pocketsphinx.rejection import (
    ACCEPT,
    ACCEPT_BY_SOUND,
    READABLE,
    UNSURE,
    Understanding,
    certainty,
    certainty_by_sound,
    transcript,
)
from vivavoce.inference.ports import Transcript

HEARD = Understanding("stop", ACCEPT, "stop", READABLE)
PHONES = {"stop": ("S", "T", "AA", "P"), "shop": ("SH", "AA", "P")}


def test_a_certain_command() -> None:
    assert transcript(HEARD) == Transcript("stop", ACCEPT)


def test_an_uncertain_command_is_asked_back() -> None:
    assert transcript(replace(HEARD, certainty=UNSURE)) == Transcript("stop", UNSURE, unsure=True)


def test_no_command_but_readable() -> None:
    assert transcript(replace(HEARD, certainty=UNSURE - 0.01, prose="shop")) == Transcript("shop", READABLE)


def test_neither() -> None:
    heard = Understanding("stop", 0.01, "shop", READABLE - 0.01)
    assert transcript(heard) == Transcript("shop", heard.clarity, rejected=True)


def test_nothing() -> None:
    assert transcript(Understanding()) == Transcript("")


def word(text: str, start: int, stop: int, score: float) -> Piece:
    return Piece(text, text, start, stop, score)


def judged(score: float, loop: tuple[str, ...], prose: str) -> Evidence:
    command = (word("<sil>", 0, 20, -20), word("stop", 20, 60, score), word("<sil>", 60, 80, -20))
    phones = tuple(word(phone, 20 + 10 * index, 30 + 10 * index, -20) for index, phone in enumerate(loop))
    free = (word(prose, 20, 60, -20),)
    return gather(command, phones, free, lambda variant: PHONES.get(variant, ("AH", "N")))


def test_agreement_of_the_passes_is_evidence() -> None:
    agreed = judged(-30, PHONES["stop"], "stop")
    assert (agreed.like_loop, agreed.like_prose, agreed.same_words, agreed.covered) == (1, 1, 1, 1)
    opposed = judged(-90, ("M", "UW", "N"), "unknown")
    assert opposed.same_words == 0
    assert opposed.worst_loss < agreed.worst_loss
    assert certainty(agreed) > ACCEPT
    assert certainty(opposed) < UNSURE


def test_without_the_free_pass_the_sound_has_to_convince() -> None:
    agreed = judged(-10, PHONES["stop"], "stop")
    assert certainty_by_sound(agreed) == certainty_by_sound(judged(-10, PHONES["stop"], "unknown")), "no prose in it"
    assert certainty_by_sound(agreed) >= ACCEPT_BY_SOUND
    assert certainty_by_sound(judged(-90, ("M", "UW", "N"), "unknown")) < UNSURE
