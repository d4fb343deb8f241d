from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.endpointing import EndpointSettings, completeness, endpoint_delay
from vivavoce.errors import ConfigError

SETTINGS = EndpointSettings()


@pytest.mark.parametrize(
    "text",
    [
        "what time is it",
        "What's the date today?",
        "when does the morning train to the harbour leave today",
        "set the volume to eighty percent",
        "set a timer for five minutes",
        "turn it on",
        "turn the volume up",
        "turn on the light please",
        "stop",
        "cancel the timer",
        "thank you",
        "how much is two plus two",
        "what is twenty five plus thirty two",
        "My name is Ada.",
        'She said "hello."',
        "can you tell me a joke",
        "volume up",
        "how are you",
        "what can you do",
        "tell me the time",
    ],
)
def test_finished_english_is_complete(text: str) -> None:
    assert completeness(text, "en") == "complete"


@pytest.mark.parametrize(
    "text",
    [
        "set a timer for",
        "set a timer for five",
        "set a timer for twenty five",
        "set the volume to",
        "what is the",
        "what time is",
        "i would like",
        "remind me to",
        "turn off the light and",
        "tell me about the weather because",
        "my number is five five five",
        "um",
        "i think um",
        "two plus",
        "First of all,",
        "well...",
        "can you",
        "how many",
        "what time",
        "what can",
        "where did",
        "remember that",
        "the old clock on the wall has",
    ],
)
def test_english_that_hangs_in_the_air_waits(text: str) -> None:
    assert completeness(text, "en") == "hanging"


@pytest.mark.parametrize("text", ["", "  ", "the quick brown fox", "what is the weather like", "my name is ada"])
def test_all_else_is_open(text: str) -> None:
    assert completeness(text, "en") == "open"


@pytest.mark.parametrize(
    "text",
    [
        "现在几点",
        "今天星期几",
        "把音量调到百分之八十",
        "设一个五分钟",
        "好的",
        "是的",
        "停",
        "你叫什么名字",
        "今天天气好吗",
        "取消定时器",
        "声音大一点",
        "谢谢",
        "我知道了。",
    ],
)
def test_finished_chinese_is_complete(text: str) -> None:
    assert completeness(text, "zh") == "complete"


@pytest.mark.parametrize(
    "text",
    [
        "我想要一个红色的",
        "因为",
        "苹果和",
        "然后",
        "呃",
        "我想",
        "把音量调到",
        "三加",
        "设一个定时五",
        "我觉得，",
        "那个",
    ],
)
def test_chinese_that_hangs_in_the_air_waits(text: str) -> None:
    assert completeness(text, "zh") == "hanging"


def test_language_tags_with_regions_use_the_table_of_their_language() -> None:
    assert completeness("set a timer for", "en-GB") == "hanging"
    assert completeness("然后", "zh-CN") == "hanging"


def test_spaces_between_chinese_words_mean_nothing() -> None:
    assert completeness("现在 几点", "zh") == "complete"
    assert completeness("把 音量 调到", "zh") == "hanging"


def test_a_language_without_a_table_is_judged_by_punctuation() -> None:
    assert completeness("Wie spät ist es?", "de") == "complete"
    assert completeness("Wie spät ist es", "de") == "open"
    assert completeness("Erstens,", "de") == "hanging"


def test_the_delay_follows_the_words() -> None:
    assert endpoint_delay("what time is it", "en", SETTINGS) == 300
    assert endpoint_delay("the quick brown fox", "en", SETTINGS) == 600
    assert endpoint_delay("set a timer for", "en", SETTINGS) == 1200
    assert endpoint_delay("", "en", SETTINGS) == 600


def test_a_recogniser_without_partials_waits_no_longer_than_needed() -> None:
    assert endpoint_delay(None, "en", SETTINGS) == 300


def test_patience_scales_within_bounds() -> None:
    assert endpoint_delay("what time is it", "en", SETTINGS, 2) == 600
    assert endpoint_delay("what time is it", "en", SETTINGS, 0.5) == 150
    assert endpoint_delay("what time is it", "en", SETTINGS, 0.0) == 150
    assert endpoint_delay("set a timer for", "en", SETTINGS, 3) == 2500
    assert endpoint_delay(None, "en", SETTINGS, 99) == 900


def test_of_a_long_speech_only_the_end_is_looked_at() -> None:
    assert completeness("we went on and " * 500 + "set a timer for", "en") == "hanging"
    assert completeness("we went on and " * 500 + "then we came home today", "en") == "complete"
    assert completeness("stop " * 500, "en") == "open"


def test_settings_out_of_order_are_refused() -> None:
    with pytest.raises(ConfigError):
        EndpointSettings(min_ms=700)
    with pytest.raises(ConfigError):
        EndpointSettings(min_ms=0)


@given(st.text(max_size=60), st.sampled_from(["en", "zh", "de", "", "en-US"]), st.floats(0.5, 3))
def test_any_text_gives_a_delay_within_the_bounds(text: str, language: str, patience: float) -> None:
    assert 150 <= endpoint_delay(text, language, SETTINGS, patience) <= SETTINGS.max_ms
