"""Sentences as people write and say them, and the intents they mean."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.skills import Intent, Skills

SKILLS = Skills.load()


@pytest.mark.parametrize(
    ("said", "name", "slots"),
    [
        ("What time is it?", "current_time", {}),
        ("what's the time, please", "current_time", {}),
        ("What is the date tomorrow?", "current_date", {"about": "date", "day": 1}),
        ("what year is it", "current_date", {"about": "year"}),
        ("set the volume to eighty percent", "volume_set", {"percent": 80}),
        ("Set the volume to 80%!", "volume_set", {"percent": 80}),
        ("could you please turn the volume up by twenty", "volume_change", {"direction": "up", "by": 20}),
        ("a bit quieter", "volume_change", {"direction": "down"}),
        ("mute", "volume_set", {"percent": 0}),
        ("set a timer for five minutes", "timer_set", {"minutes": 5}),
        ("Set a timer for an hour and a half.", "timer_set", {"hours": 1, "half_hours": 0.5}),
        ("set a timer for 2 hours and 5 minutes", "timer_set", {"hours": 2, "minutes": 5}),
        ("start a tea timer for three minutes", "timer_set", {"label": "tea", "minutes": 3}),
        ("set a twenty-five minute timer", "timer_set", {"minutes": 25}),
        ("wake me in a quarter of an hour", "timer_set", {"span": 900}),
        ("cancel the five-minute timer", "timer_cancel", {"minutes": 5}),
        ("stop all timers", "timer_cancel", {"all": "yes"}),
        ("how much time is left on the pasta timer", "timer_ask", {"label": "pasta"}),
        ("what is twelve times seven", "calculate", {"a": 12, "b": 7, "operation": "multiply"}),
        ("2.5 + -3", "calculate", {"a": 2.5, "b": -3, "operation": "add"}),
        ("subtract five from one hundred and two", "calculate", {"a": 102, "b": 5, "operation": "subtract"}),
        ("what is 15% of 80", "calculate", {"a": 15, "b": 80, "operation": "percent"}),
        ("please stop", "stop", {}),
        ("Can you hear me?", "hear_me", {}),
        ("say that again", "repeat", {}),
    ],
)
def test_english(said: str, name: str, slots: dict[str, object]) -> None:
    assert SKILLS.match(said, "en") == Intent(name, slots, said)
    intent = SKILLS.match(said, "en")
    assert intent is not None
    assert intent.slots == slots


@pytest.mark.parametrize(
    ("said", "name", "slots"),
    [
        ("请问现在几点了？", "current_time", {}),
        ("明天星期几", "current_date", {"about": "date", "day": 1}),
        ("把音量调到百分之八十", "volume_set", {"percent": 80}),
        ("音量调到 80%", "volume_set", {"percent": 80}),
        ("你能不能大声一点", "volume_change", {"direction": "up"}),
        ("帮我设一个五分钟的计时器", "timer_set", {"minutes": 5}),
        ("设一个一个半小时的泡茶计时器", "timer_set", {"hours": 1, "half_hours": 0.5, "label": "泡茶"}),
        ("半小时后叫我", "timer_set", {"span": 1800}),
        ("取消所有计时器", "timer_cancel", {"all": "yes"}),
        ("两百零五减三点五等于多少", "calculate", {"a": 205, "b": 3.5, "operation": "subtract"}),
        ("3×4", "calculate", {"a": 3, "b": 4, "operation": "multiply"}),
        ("别说了", "stop", {}),
        ("你叫什么名字", "who_are_you", {}),
    ],
)
def test_chinese(said: str, name: str, slots: dict[str, object]) -> None:
    intent = SKILLS.match(said, "zh")
    assert intent is not None
    assert (intent.name, intent.slots, intent.free) == (name, slots, False)


@pytest.mark.parametrize(
    ("said", "language", "name", "slots"),
    [
        ("Remember that My keys are in the Drawer, please.", "en", "remember", {"fact": "My keys are in the Drawer"}),
        ("remember I have twenty five books", "en", "remember", {"fact": "I have twenty five books"}),
        ("Where are my keys?", "en", "recall", {"thing": "keys"}),
        ("记住我第一次去北京是二零二零年。", "zh", "remember", {"fact": "我第一次去北京是二零二零年"}),
        ("我的钥匙在哪里？", "zh", "recall", {"thing": "钥匙"}),
    ],
)
def test_free_words_stay_as_they_were_written(said: str, language: str, name: str, slots: dict[str, object]) -> None:
    intent = SKILLS.match(said, language)
    assert intent is not None
    assert (intent.name, intent.slots, intent.free) == (name, slots, True)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "?!",
        "go forward ten meters",
        "tell me something about the french revolution",
        "the timer in this story rings at five",
        "set the volume to two hundred percent",
        "set the volume to fifty point five percent",
        "what is the time complexity of quicksort",
        "remember",
        "你觉得今天的新闻怎么样",
        "please " * 100,
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_other_speech_is_no_command(said: str, language: str) -> None:
    assert SKILLS.match(said, language) is None


def test_an_unknown_language_is_understood_as_nothing() -> None:
    assert SKILLS.match("stop", "de") is None


@pytest.mark.parametrize("language", SKILLS.languages)
def test_every_example_is_understood(language: str) -> None:
    examples = SKILLS.examples(language, 1000)
    assert len(examples) > 20
    assert [text for text in examples if SKILLS.match(text, language) is None] == []


@given(st.text(max_size=600), st.sampled_from(["en", "zh"]))
def test_any_text_is_taken(text: str, language: str) -> None:
    SKILLS.match(text, language)


POOL = "set a timer for five minutes and half an hour please what is my name plus 2.5 -3 % times volume to"


@given(st.lists(st.sampled_from(POOL.split()), max_size=40))
def test_words_of_the_sentences_in_any_order_are_taken_in_short_time(words: list[str]) -> None:
    began = time.process_time()
    SKILLS.match(" ".join(words), "en")
    assert time.process_time() - began < 0.1


def test_politeness_is_dropped_on_both_sides() -> None:
    intent = SKILLS.match("Hey, could you please stop for me now, please?", "en")
    assert intent is not None
    assert intent.name == "stop"
