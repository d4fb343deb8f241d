"""Times, dates and durations as one says them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.skills import SetTimer, SkillContext, SkillMemory, Skills, spoken

SKILLS = Skills.load()


@pytest.mark.parametrize(
    ("clock", "english", "chinese"),
    [
        ("00:00", "twelve o'clock", "凌晨零点整"),
        ("02:01", "one minute past two", "凌晨两点零一分"),
        ("07:15", "a quarter past seven", "早上七点十五分"),
        ("11:45", "a quarter to twelve", "上午十一点四十五分"),
        ("12:30", "half past twelve", "中午十二点半"),
        ("15:05", "five past three", "下午三点零五分"),
        ("15:51", "nine minutes to four", "下午三点五十一分"),
        ("23:35", "twenty-five to twelve", "晚上十一点三十五分"),
    ],
)
def test_times(clock: str, english: str, chinese: str) -> None:
    moment = datetime.fromisoformat(f"2026-11-26T{clock}")
    assert (spoken.time(moment, "en"), spoken.time(moment, "zh")) == (english, chinese)


def test_ordinals() -> None:
    assert [spoken.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    )


def test_dates() -> None:
    day = date(2026, 11, 26)
    assert (spoken.weekday(day, "en"), spoken.month(day, "en"), spoken.year(day, "en")) == (
        "Thursday",
        "November",
        "2026",
    )
    assert (spoken.weekday(day, "zh"), spoken.month(day, "zh"), spoken.year(day, "zh")) == (
        "星期四",
        "十一月",
        "二零二六",
    )


def test_durations() -> None:
    assert spoken.duration(3661, "en") == "one hour, one minute and one second"
    assert spoken.duration(7200, "zh") == "两小时"
    assert (spoken.duration(0, "en"), spoken.duration(0, "zh")) == ("no time", "零秒")


@given(st.integers(1, 4 * 3600), st.sampled_from([("set a timer for {}", "en"), ("设一个{}的计时器", "zh")]))
def test_a_duration_that_was_said_is_understood(seconds: int, template: tuple[str, str]) -> None:
    sentence, language = template
    intent = SKILLS.match(sentence.format(spoken.duration(seconds, language)), language)
    if seconds % 60 and seconds > 3600:
        return  # hours and seconds together are more than a person asks for
    assert intent is not None
    now = datetime.fromisoformat("2026-11-26T15:05+00:00")
    assert SKILLS.answer(intent, SkillContext(language, now, SkillMemory())).effects == (SetTimer(1, seconds),)
