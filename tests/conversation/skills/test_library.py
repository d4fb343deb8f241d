"""The door to the skills: help, examples, asking back, small talk, announcements, and a new skill in five lines."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from vivavoce.conversation.skills import Ask, SetTimer, SetVolume, SkillContext, SkillMemory, SkillReply, Skills
from vivavoce.conversation.skills.definition import load, parse
from vivavoce.conversation.skills.handlers import HANDLERS

SKILLS = Skills.load()
NOW = datetime(2026, 11, 26, 15, 5, tzinfo=UTC)


def answer(text: str, memory: SkillMemory, language: str = "en") -> SkillReply:
    intent = SKILLS.match(text, language)
    assert intent is not None
    reply = SKILLS.answer(intent, SkillContext(language, NOW, memory))
    memory.commit(reply.effects, NOW)
    return reply


def test_help_tells_what_can_be_said() -> None:
    for language in SKILLS.languages:
        told = SKILLS.help(language)
        assert all(example in told for example in SKILLS.examples(language, 3))
    assert answer("what can you do", SkillMemory()).text == SKILLS.help("en")


def test_three_examples_for_the_page() -> None:
    assert SKILLS.examples("en", 3) == (
        "what time is it",
        "set a timer for five minutes",
        "what is twelve times seven",
    )
    assert len(SKILLS.examples("zh", 3)) == 3


def test_the_fallback_is_honest_and_the_same_for_the_same_words() -> None:
    told = SKILLS.fallback("who won the match", "en")
    assert "Without a language model" in told
    assert told == SKILLS.fallback("who won the match", "en")
    assert "没有语言模型" in SKILLS.fallback("谁赢了比赛", "zh")


def test_yes_does_what_was_asked_back() -> None:
    memory = SkillMemory()
    question = SKILLS.ask_back("set the volume to eighty percent", "en")
    assert question.text == "Did you say: set the volume to eighty percent?"
    assert [type(effect) for effect in question.effects] == [Ask]
    memory.commit(question.effects, NOW)
    assert answer("yes", memory).effects == (SetVolume(80),)
    assert answer("yes", memory) == SkillReply("All right.")


def test_no_or_anything_else_drops_the_question() -> None:
    memory = SkillMemory()
    memory.commit(SKILLS.ask_back("stop", "en").effects, NOW)
    assert answer("no", memory).text == "Please say it again."
    memory.commit(SKILLS.ask_back("set the volume to ten percent", "en").effects, NOW)
    answer("hello", memory)
    assert answer("yes", memory) == SkillReply("All right.")


def test_words_without_meaning_are_asked_for_again() -> None:
    assert SKILLS.ask_back("wobble", "en") == SkillReply("I did not understand that. Please say it again.")


@pytest.mark.parametrize(("text", "language"), [("hello", "en"), ("tell me a joke", "en"), ("你好", "zh")])
def test_small_talk_is_words_of_the_file(text: str, language: str) -> None:
    intent = SKILLS.match(text, language)
    assert intent is not None
    assert answer(text, SkillMemory(), language).text in load(language).skills[intent.name].say


def test_a_timer_is_announced_by_its_name() -> None:
    memory = SkillMemory()
    memory.commit([SetTimer(1, 300), SetTimer(2, 180, "tea")], NOW)
    assert SKILLS.ring_text(memory.timers[1], "en") == "Your timer for five minutes is over."
    assert SKILLS.ring_text(memory.timers[2], "en") == "Your tea timer for three minutes is over."
    assert SKILLS.ring_text(memory.timers[1], "zh") == "五分钟的计时器时间到了。"


def test_all_languages_have_the_same_skills_and_texts() -> None:
    english = load("en")
    for language in SKILLS.languages:
        skills = load(language).skills
        assert skills.keys() == english.skills.keys()
        for name, skill in skills.items():
            say, model = skill.say, english.skills[name].say
            assert isinstance(say, tuple) == isinstance(model, tuple)
            assert set(say) == set(model) or isinstance(say, tuple)
            assert bool(skill.tool) == bool(english.skills[name].tool)
            assert name in HANDLERS or name == "help" or isinstance(say, tuple)


def test_a_skill_of_words_needs_no_code() -> None:
    document = {
        "language": "en",
        "polite": {"before": ["please"], "after": [], "after_free": []},
        "signs": {},
        "percent_sign": "{} percent",
        "showcase": ["weather"],
        "lists": {},
        "expansion_rules": {},
        "slots": {},
        "intents": {
            "weather": {
                "examples": ["how is the weather"],
                "data": [{"sentences": ["how is the weather"]}],
                "say": ["I have no window."],
            }
        },
    }
    skills = Skills([parse(document)])
    intent = skills.match("Please, how is the weather?", "en")
    assert intent is not None
    assert skills.answer(intent, SkillContext("en", NOW, SkillMemory())) == SkillReply("I have no window.")
    assert skills.examples("en", 3) == ("how is the weather",)


def test_no_match_is_slow() -> None:
    """Budget: 2 ms a sentence; on a shared machine the best of several counts."""
    for language in SKILLS.languages:
        for text in (*SKILLS.examples(language, 1000), "tell me all about the history of the roman empire"):
            assert min(_cost(text + " " * n, language) for n in range(3)) < 0.002, text


def _cost(text: str, language: str) -> float:
    """CPU seconds of a match; each text is new to the cache by its spaces."""
    began = time.process_time()
    SKILLS.match(text, language)
    return time.process_time() - began


# ── fewer skills ──────────────────────────────────────────────────────────────────────────────────


def test_an_app_may_allow_some_skills_only() -> None:
    few = SKILLS.only(frozenset({"timer_set"}))
    assert few.match("what time is it", "en") is None
    intent = few.match("set a timer for five minutes", "en")
    assert intent is not None
    (effect,) = few.answer(intent, SkillContext("en", NOW, SkillMemory())).effects
    assert isinstance(effect, SetTimer)
    assert [tool.name for tool in few.tools("en")] == ["timer_set"]
    assert few.examples("en", 5)[0] == "set a timer for five minutes"
    assert few.call("current_time", {}, SkillContext("en", NOW, SkillMemory())).failed
    assert SKILLS.match("what time is it", "en") is not None, "the others keep theirs"


def test_without_any_skill_help_and_the_fallback_still_answer() -> None:
    none = SKILLS.only(frozenset())
    for language in SKILLS.languages:
        assert none.fallback("tell me a story", language)
        assert none.help(language)
        assert none.tools(language) == ()
    assert none.match("what can you do", "en") is not None


def test_asking_back_what_is_not_allowed_only_asks_to_say_it_again() -> None:
    few = SKILLS.only(frozenset({"timer_set"}))
    assert few.ask_back("set the volume to eighty percent", "en").effects == ()


def test_all_skills_are_known_by_name_and_narrowing_is_kept() -> None:
    assert {"timer_set", "current_time"} <= SKILLS.names
    assert "help" not in SKILLS.names
    assert SKILLS.only(None) is SKILLS
    assert SKILLS.only(frozenset({"timer_set"})) is SKILLS.only(frozenset({"timer_set"}))
    twice = SKILLS.only(frozenset({"timer_set", "volume_set"})).only(frozenset({"volume_set", "current_time"}))
    assert [tool.name for tool in twice.tools("en")] == ["volume_set"]
