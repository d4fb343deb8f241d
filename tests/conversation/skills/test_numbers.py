"""Numbers as people say them: reading turns every spelling back, and no other words are taken for numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.skills import numbers

COUNTS = st.integers(0, 10**12 - 1)


@given(COUNTS, st.sampled_from(["en", "zh"]))
def test_every_spelling_reads_back(number: int, language: str) -> None:
    for spelling in numbers.spellings(number, language):
        assert numbers.digits(spelling, language) == str(number)


@given(COUNTS)
def test_chinese_before_measure_words_reads_back(number: int) -> None:
    assert numbers.digits(numbers.chinese(number, counting=True), "zh") == str(number)


@given(st.integers(-1000_000, 1000_000), st.sampled_from(["en", "zh"]))
def test_said_thousandths_read_back(thousandths: int, language: str) -> None:
    value = Fraction(thousandths, 1000)
    text, exact = numbers.words(value, language)
    assert exact
    assert Fraction(numbers.digits(text.replace("-", " "), language)) == value


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("what is two point five times a hundred and five", "what is 2.5 times 105"),
        ("set a twenty-five minute timer", "set a 25 minute timer"),
        ("one two three", "1 2 3"),
        ("twenty twenty", "20 20"),
        ("two thousand and twenty six", "2026"),
        ("twelve hundred", "1200"),
        ("five million three", "5000003"),
        ("subtract one hundred and two from five", "subtract 102 from 5"),
        ("minus five plus negative three", "-5 plus -3"),
        ("ten minus five", "10 minus 5"),
        ("1,250 plus 5 million", "1250 plus 5000000"),
        ("an hour and a half", "an hour and a half"),
        ("beyond a doubt and a point", "beyond a doubt and a point"),
    ],
)
def test_english(said: str, read: str) -> None:
    assert numbers.digits(said, "en") == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("百分之八十", "百分之80"),
        ("两个半小时", "2个半小时"),
        ("一点五加负三", "1.5加-3"),
        ("两千三", "2300"),
        ("一百零三", "103"),
        ("三亿零二万", "300020000"),
        ("二零二六年", "2026年"),
        ("大声一点", "大声一点"),
        ("算一下三加五", "算一下3加5"),
        ("万一", "万一"),
        ("音量调到一百一下", "音量调到100一下"),
        ("忘掉一切", "忘掉一切"),
        ("十百", "十百"),
    ],
)
def test_chinese(said: str, read: str) -> None:
    assert numbers.digits(said, "zh") == read


def test_british_words() -> None:
    assert numbers.english(105) == "one hundred and five"
    assert numbers.english(1_000_001) == "one million and one"
    assert numbers.english(-42) == "minus forty-two"


def test_rounding_is_told() -> None:
    assert numbers.words(Fraction(1, 3), "en") == ("zero point three three three", False)
    assert numbers.words(Fraction(-5, 2), "zh") == ("负二点五", True)
    assert numbers.words(Fraction(1_234_567), "en") == ("1234567", True)
