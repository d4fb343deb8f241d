from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.archive.search_terms import SLOW_MS, TURN_WORDS, asked, slow_mark, slow_marks, spoken, terms, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Set a timer!", ["set", "a", "timer"]),
        ("don't — DON’T", ["dont", "dont"]),
        ("Grüße, Straße, ÅNGSTRÖM", ["grusse", "strasse", "angstrom"]),
        ("ＦＵＬＬ width ①", ["full", "width", "1"]),
        ("timers glasses berries bus this is", ["timer", "glasse", "berry", "bus", "thi", "is"]),
        ("绿茶", ["绿", "茶", "绿茶"]),
        ("开灯3次", ["开", "灯", "开灯", "3", "次"]),
        ("カタカナ", ["カ", "タ", "カ", "ナ", "カタ", "タカ", "カナ"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
        ("!?…", []),
    ],
)
def test_words_of_a_text(text: str, found: list[str]) -> None:
    assert list(words(text)) == found


def test_a_question_asks_for_pairs_where_there_are_no_spaces() -> None:
    assert asked("绿茶杯") == ["绿茶", "茶杯"]
    assert asked("茶") == ["茶"]
    assert asked("tea 茶 tea") == ["tea", "茶"]


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_what_was_said_is_found_wherever_it_stands(before: str, said: str, after: str) -> None:
    assert set(asked(said)) <= spoken(f"{before} {said} {after}")


@given(st.text(alphabet="绿茶水杯ab '’\"()*:-", max_size=60))
def test_a_piece_of_a_text_is_found_in_it(text: str) -> None:
    for piece in text.split(" "):
        assert set(asked(piece)) <= spoken(text)


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_every_turn_that_is_slow_enough_has_the_mark(asked_ms: int, took_ms: int) -> None:
    if took_ms >= asked_ms:
        assert slow_mark(asked_ms) in slow_marks(took_ms)
    assert slow_marks(took_ms) == [f":slow:{step}" for step in SLOW_MS if step <= took_ms]


def test_a_turn_of_many_words_is_bounded() -> None:
    assert len(spoken(" ".join(f"w{number}x" for number in range(3 * TURN_WORDS)))) == TURN_WORDS


def test_owner_and_time_are_part_of_a_term() -> None:
    assert len({*terms("ada", 0, ["tea"]), *terms("bob", 0, ["tea"]), *terms("ada", 1, ["tea"])}) == 3
    assert terms("ada", 7, ["tea", "milk"]) == terms("ada", 7, ["milk", "tea", "tea"])
