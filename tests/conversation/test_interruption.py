from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.interruption import Evidence, InterruptionJudge, RuleJudge, Verdict, tokens

JUDGE: InterruptionJudge = RuleJudge()
REPLY = "The morning train to the harbour leaves at nine, so take your umbrella with you"


def judge(
    words: str, speech_ms: int = 400, *, ended: bool = False, language: str = "en", reply: str = REPLY
) -> Verdict:
    return JUDGE.judge(Evidence(words, speech_ms, ended, 200 if ended else 0, reply, language))


@pytest.mark.parametrize(
    "words", ["mhm", "Uh-huh.", "yeah", "okay, right", "I see", "oh really", "Yes yes yes", "haha", "uh okay"]
)
def test_a_backchannel_never_stops_a_reply(words: str) -> None:
    assert judge(words) == "wait"
    assert judge(words, 1500) == "wait"
    assert judge(words, 1500, ended=True) == "resume"


@pytest.mark.parametrize("words", ["嗯", "嗯嗯", "对", "好的", "是的。", "哦，明白了", "哈哈哈"])
def test_a_chinese_backchannel_never_stops_a_reply(words: str) -> None:
    assert judge(words, language="zh") == "wait"
    assert judge(words, language="zh-CN", ended=True) == "resume"


@pytest.mark.parametrize("words", ["stop", "Wait!", "no", "hold on", "okay stop", "um, hang on", "yeah no"])
def test_a_stop_word_cancels_at_once(words: str) -> None:
    assert judge(words, 200) == "cancel"


@pytest.mark.parametrize("words", ["停", "等等", "别说了", "好的，停一下", "嗯，不对", "够了"])
def test_a_chinese_stop_word_cancels_at_once(words: str) -> None:
    assert judge(words, 200, language="zh") == "cancel"


def test_two_words_of_ones_own_cancel() -> None:
    assert judge("what about", 300) == "cancel"
    assert judge("yeah but what", 300) == "cancel"


def test_one_word_of_ones_own_waits_until_it_lasts_or_is_over() -> None:
    assert judge("Tuesday", 300) == "wait"
    assert judge("Tuesday", 700) == "cancel"
    assert judge("Tuesday", 300, ended=True) == "cancel"


@pytest.mark.parametrize(
    ("words", "language"), [("I", "en"), ("yeah that makes", "en"), ("我知", "zh"), ("原来", "zh")]
)
def test_the_beginning_of_a_backchannel_waits_for_its_end_but_not_for_ever(words: str, language: str) -> None:
    assert judge(words, 600, language=language) == "wait"
    assert judge(words, 600, ended=True, language=language) == "wait"
    late = Evidence(words, 600, True, 400, REPLY, language)
    assert JUDGE.judge(late) == "cancel"
    assert judge(words, 900, language=language) == "cancel"


def test_a_word_of_ones_own_before_the_beginning_of_a_backchannel_counts() -> None:
    assert judge("tomorrow I", 300, ended=True) == "cancel"
    assert judge("I want", 300) == "cancel"


def test_speech_without_words_cancels_when_it_goes_on_and_resumes_when_it_was_short() -> None:
    assert judge("", 500) == "wait"
    assert judge("", 899) == "wait"
    assert judge("", 900) == "cancel"
    assert judge("", 500, ended=True) == "resume"
    assert judge(" … ", 500, ended=True) == "resume"


def test_the_echo_of_the_reply_is_no_interruption() -> None:
    assert judge("train to the harbour", 900) == "resume"
    assert judge("take your own umbrella", 900) == "resume"
    assert judge("take a taxi instead", 900) == "cancel"


def test_the_echo_of_a_chinese_reply_is_no_interruption() -> None:
    assert judge("今天天气", 900, language="zh", reply="今天的天气很好") == "resume"


def test_a_stop_word_is_heard_even_when_the_reply_has_just_said_it() -> None:
    assert judge("stop", 300, reply="Say stop when it is enough") == "cancel"


def test_an_unknown_language_is_judged_by_the_english_table() -> None:
    assert judge("okay", language="de", ended=True) == "resume"
    assert judge("nein warte mal", language="de") == "cancel"


def test_words_are_folded_and_han_characters_stand_alone() -> None:
    assert tokens("It’s 5 o'clock, UH-HUH! 你好Bob") == ["it's", "5", "o'clock", "uh-huh", "你", "好", "bob"]


@given(st.text(max_size=40), st.integers(0, 5000), st.sampled_from(["en", "zh", "xx"]), st.text(max_size=40))
def test_once_the_person_is_silent_the_judge_has_an_answer(
    words: str, speech_ms: int, language: str, reply: str
) -> None:
    said = Evidence(words, speech_ms, True, 500, reply, language)
    assert JUDGE.judge(said) != "wait", "half a second is enough for the end of «I see»"


@given(st.text(max_size=40), st.integers(0, 5000))
def test_more_of_the_same_never_unmakes_an_interruption(words: str, speech_ms: int) -> None:
    if judge(words, speech_ms) == "cancel":
        assert judge(words, speech_ms + 500) == "cancel"
