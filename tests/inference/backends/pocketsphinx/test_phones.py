"""Likeness of phone strings: a measure, and kinder to what a noisy ear confuses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.inference.backends.pocketsphinx.phones import confusion, likeness, mismatch

phones = st.lists(st.sampled_from(["P", "B", "IY", "IH", "S", "HH"]), max_size=8)


@given(phones, phones)
def test_it_is_symmetric_and_between_none_and_all(one: list[str], other: list[str]) -> None:
    assert likeness(one, other, confusion) == likeness(other, one, confusion)
    assert 0 <= likeness(one, other, confusion) <= 1
    assert likeness(one, other, confusion) >= likeness(one, other, mismatch)


@given(phones)
def test_the_same_is_all(one: list[str]) -> None:
    assert likeness(one, one, confusion) == 1


def test_a_voiced_twin_is_nearer_than_a_stranger() -> None:
    assert confusion("P", "B") < confusion("P", "T") < confusion("P", "IY")


def test_words() -> None:
    assert likeness(["set", "a", "timer"], ["set", "the", "timer"], mismatch) == 1 - 1 / 3
