"""Each sound of the offline voices has its shape, and shapes follow the mouth."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.inference.visemes import VISEMES, visemes


@pytest.mark.parametrize(
    ("word", "shapes"),
    [
        ("m æ p", "PP aa PP"),
        ("f aɪ v", "FF aa I FF"),
        ("ð ɪ s", "TH I SS"),
        ("tʃ ɜː tʃ", "CH E CH"),
        ("dʒ ʌ dʒ", "CH aa CH"),
        ("ɹ ɛ d", "RR E DD"),
        ("ɡ oʊ", "kk O U"),
        ("n aʊ", "nn aa U"),
        ("w iː", "U I"),
        ("n i χ ɑu", "nn I kk aa U"),
        ("tɕh iɛ n", "CH I E nn"),
        ("ts.h ɨ", "CH I"),
        ("th ai", "DD aa I"),
        ("ts.onɡ", "CH O nn"),
        ("n y", "nn U"),
        ("t͡ʃ", "CH"),
    ],
)
def test_words_look_as_they_are_said(word: str, shapes: str) -> None:
    assert [shape for phoneme in word.split() for shape in visemes(phoneme)] == shapes.split()


@pytest.mark.parametrize("pause", ["", "_", "_:", " "])
def test_a_pause_closes_the_mouth(pause: str) -> None:
    assert visemes(pause) == ("sil",)


def test_marks_have_no_shape_and_unknown_sounds_change_nothing() -> None:
    assert visemes("ˈoː") == ("O",)
    assert visemes("n̩") == ("nn",)
    assert visemes("ʔ") == ()


def test_there_are_fifteen() -> None:
    assert len(VISEMES) == 15


@given(st.text(max_size=8))
def test_any_text_gives_known_shapes_without_repeats(phoneme: str) -> None:
    shapes = visemes(phoneme)
    assert set(shapes) <= set(VISEMES)
    assert all(one != other for one, other in pairwise(shapes))
