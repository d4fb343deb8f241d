from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.heard import HeardLedger

RATE = 24_000


def samples(ms: float) -> int:
    return round(ms * RATE / 1000)


def ledger(text: str, *timings: tuple[int, int, float], length_ms: float | None = None) -> HeardLedger:
    made = HeardLedger(RATE)
    made.text(text)
    for start, stop, at in timings:
        made.timing(start, stop, samples(at))
    if length_ms is not None:
        made.end(samples(length_ms))
    return made


def by_words(text: str, ms_per_word: float) -> HeardLedger:
    made, at = ledger(text), 0
    for index, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        made.timing(start, at, samples(index * ms_per_word))
    made.end(samples(len(text.split()) * ms_per_word))
    return made


def test_a_word_is_heard_once_half_of_it_was_played() -> None:
    reply = by_words("It is noon now.", 200)
    assert reply.heard(0) == ""
    assert reply.heard(99) == "It"
    assert reply.heard(250) == "It"
    assert reply.heard(299) == "It is"
    assert reply.heard(690) == "It is noon"
    assert reply.heard(710) == "It is noon now."


def test_the_whole_text_is_heard_at_the_end_of_the_sound() -> None:
    reply = ledger("Yes. \n", (0, 6, 0), length_ms=500)
    assert reply.heard(500) == "Yes. \n"
    assert reply.heard(9_999) == "Yes. \n"


def test_between_the_anchors_of_clauses_time_is_spread_over_the_characters() -> None:
    text = "aaaa bbbb cccc. dddd eeee."
    reply = ledger(text, (0, 15, 0), (15, 26, 1500), length_ms=2600)
    assert reply.heard(700) == "aaaa bbbb"
    assert reply.heard(1400) == "aaaa bbbb cccc."
    assert reply.heard(1700) == "aaaa bbbb cccc."
    assert reply.heard(1900) == "aaaa bbbb cccc. dddd"


def test_a_clause_that_has_no_sound_yet_cannot_have_been_heard() -> None:
    text = "One two three. Four five six."
    reply = ledger(text, (0, 14, 0))
    assert reply.heard(60_000) == "One two three."
    reply.timing(14, len(text), samples(1200))
    assert reply.heard(60_000) == text


def test_before_any_anchor_ordinary_speech_is_assumed() -> None:
    reply = ledger("abcdefg hijklmn opqrstu")
    assert reply.heard(0) == ""
    assert reply.heard(1000) == "abcdefg hijklmn"


def test_without_any_anchor_the_known_length_is_spread() -> None:
    reply = ledger("aaaa bbbb cccc dddd", length_ms=1900)
    assert reply.heard(800) == "aaaa bbbb"


def test_anchors_may_come_before_their_text() -> None:
    reply = HeardLedger(RATE)
    reply.timing(0, 5, 0)
    reply.timing(6, 11, samples(400))
    assert reply.heard(900) == ""
    reply.text("Hello")
    reply.text(" world")
    assert reply.heard(350) == "Hello"
    assert reply.heard(900) == "Hello world"


def test_words_refine_the_anchor_of_their_clause() -> None:
    text = "a bbbbbbbbbbbbbbbbbb c"
    reply = ledger(text, (0, len(text), 0), (2, 20, 1000), (21, 22, 1100), length_ms=2000)
    assert reply.heard(900) == "a"
    assert reply.heard(1060) == "a bbbbbbbbbbbbbbbbbb"


def test_chinese_is_heard_by_the_character_with_its_punctuation() -> None:
    reply = ledger("你好，世界。", (0, 6, 0), length_ms=1200)
    assert reply.heard(150) == "你"
    assert reply.heard(450) == "你好，"
    assert reply.heard(750) == "你好，世"


def test_words_of_two_scripts_need_no_space_between_them() -> None:
    reply = ledger("用Python写", (0, 8, 0), length_ms=800)
    assert reply.heard(300) == "用"
    assert reply.heard(450) == "用Python"


@pytest.mark.parametrize("wrong", [(8, 10, 100), (2, 4, 900), (-3, 2, 0), (5, 9, 5)])
def test_an_anchor_that_contradicts_the_others_is_not_used(wrong: tuple[int, int, float]) -> None:
    text = "aaaa bbbb cc"
    anchors = ((0, 4, 0.0), (5, 9, 500.0))
    assert [ledger(text, *anchors, wrong, length_ms=1200).heard(at) for at in range(0, 1300, 50)] == [
        ledger(text, *anchors, length_ms=1200).heard(at) for at in range(0, 1300, 50)
    ]


texts = st.text(alphabet="ab ，你好。.\n", max_size=60)
anchors = st.lists(st.tuples(st.integers(-2, 70), st.integers(0, 20), st.integers(0, 200_000)), max_size=12)
times = st.lists(st.floats(0, 20_000), min_size=2, max_size=10).map(sorted)


@given(texts, anchors, st.none() | st.integers(0, 200_000), times)
def test_heard_never_falls_never_passes_the_text_and_holds_whole_words(
    text: str, anchors: list[tuple[int, int, int]], length: int | None, times: list[float]
) -> None:
    reply = ledger(text)
    for start, size, at in anchors:
        reply.timing(start, start + size, at)
    if length is not None:
        reply.end(length)
    last = 0
    for time in times:
        count = reply.heard_chars(time)
        assert last <= count <= len(text)
        assert reply.heard(time) == text[:count]
        rest = text[count : count + 1]
        assert not (count and rest and rest in "ab" and text[count - 1] in "ab")
        last = count
    if length is not None:
        assert reply.heard(length * 1000 / RATE) == text


@given(st.lists(st.sampled_from(["one", "two,", "three", "four."]), min_size=1, max_size=20), st.floats(0, 1))
def test_with_word_times_the_heard_text_is_right_to_the_word(words: list[str], share: float) -> None:
    text = " ".join(words)
    played = share * 250 * len(words)
    assert abs(len(by_words(text, 250).heard(played).split()) - played / 250) <= 1


def test_without_word_times_figures_last_as_long_as_they_are_read() -> None:
    text = "Built in 1821 by masons"
    reply = ledger(text, (0, len(text), 0), length_ms=1000)
    # «eighteen twenty one» is half of the sentence; by plain letters «by» would have been heard here.
    assert reply.heard(700) == "Built in 1821"


def test_chinese_whose_end_is_not_known_yet_is_not_ahead_of_its_sound() -> None:
    text = "那座灯塔是一百多年前建的"
    assert ledger(text, (0, len(text), 0)).heard(1000) == "那座灯塔是"
