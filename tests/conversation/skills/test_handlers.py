"""What is answered, and what shall happen then: conversations of one person with the skills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from vivavoce.conversation.skills import (
    CancelTimer,
    Effect,
    Forget,
    Remember,
    SetTimer,
    SetVolume,
    SkillContext,
    SkillMemory,
    SkillReply,
    Skills,
)

SKILLS = Skills.load()


class Person:
    """Talks to the skills; each turn is committed at once."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self.memory = SkillMemory()
        self.now = datetime(2026, 11, 26, 15, 5, tzinfo=timezone(timedelta(hours=1)))

    def ask(self, text: str) -> SkillReply:
        intent = SKILLS.match(text, self.language)
        assert intent is not None, text
        reply = SKILLS.answer(intent, SkillContext(self.language, self.now, self.memory))
        self.memory.commit(reply.effects, self.now)
        return reply

    def hears(self, text: str, answer: str, *effects: Effect) -> None:
        assert self.ask(text) == SkillReply(answer, effects)


def test_time_and_date() -> None:
    anna = Person()
    anna.hears("what time is it", "It is five past three.")
    anna.hears("what is the date", "Today is Thursday, the 26th of November.")
    anna.hears("what day is tomorrow", "Tomorrow is Friday, the 27th of November.")
    anna.hears("what month is it", "It is November.")
    anna.hears("what year is it", "It is the year 2026.")


def test_time_and_date_in_chinese() -> None:
    li = Person("zh")
    li.hears("现在几点了", "现在是下午三点零五分。")
    li.hears("今天几号", "今天是十一月二十六日，星期四。")
    li.hears("今年是哪一年", "今年是二零二六年。")


def test_volume() -> None:
    anna = Person()
    anna.hears("set the volume to eighty percent", "The volume is eighty percent.", SetVolume(80))
    anna.hears("louder", "The volume is ninety percent.", SetVolume(90))
    anna.hears("turn the volume up by fifty", "The volume is one hundred percent.", SetVolume(100))
    anna.hears("louder", "This is as loud as I can.")
    anna.hears("turn it down by 100", "The volume is at zero.", SetVolume(0))
    anna.hears("quieter", "The volume is at zero.")
    anna.hears("what is the volume", "The volume is zero percent.")
    anna.hears("mute", "I will be silent until you turn the volume up.", SetVolume(0))


def test_several_timers_named_by_duration_and_label() -> None:
    anna = Person()
    anna.hears("cancel the timer", "No timer is running.")
    anna.hears("set a timer for five minutes", "A timer for five minutes, starting now.", SetTimer(1, 300))
    anna.hears(
        "set a tea timer for an hour and a half",
        "A tea timer for one hour and thirty minutes, starting now.",
        SetTimer(2, 5400, "tea"),
    )
    anna.now += timedelta(seconds=61)
    anna.hears(
        "what timers do I have",
        "You have two timers. Three minutes and fifty-nine seconds left on your timer for five minutes. "
        "One hour, twenty-eight minutes and fifty-nine seconds left on your tea timer.",
    )
    anna.hears(
        "how much time is left on the tea timer",
        "One hour, twenty-eight minutes and fifty-nine seconds left on your tea timer.",
    )
    anna.hears("how much time is left on the ten minute timer", "There is no such timer.")
    anna.hears("cancel the timer", "Which one? You have five minutes and tea.")
    anna.hears("cancel the five minute timer", "The timer for five minutes is cancelled.", CancelTimer(1))
    anna.hears("cancel the timer", "The tea timer is cancelled.", CancelTimer(2))
    anna.hears("how much time is left", "No timer is running.")


def test_of_equal_timers_the_next_is_cancelled() -> None:
    anna = Person()
    anna.ask("set a timer for five minutes")
    anna.ask("set a timer for five minutes")
    anna.hears("cancel the timer", "The timer for five minutes is cancelled.", CancelTimer(1))


def test_limits_of_timers_are_said() -> None:
    anna = Person()
    assert anna.ask("set a timer").text.startswith("For how long?")
    anna.hears("set a timer for 25 hours", "I can set timers for up to four hours.")
    for _ in range(20):
        anna.ask("set a timer for one hour")
    anna.hears("set a timer for one hour", "You have twenty timers already. Cancel one first.")
    anna.hears("cancel all timers", "All timers are cancelled.", CancelTimer(None))
    assert anna.memory.timers == {}


def test_timers_in_chinese() -> None:
    li = Person("zh")
    li.hears("设一个两小时的计时器", "好的，两小时的计时器开始了。", SetTimer(1, 7200))
    li.hears("半分钟后提醒我", "好的，三十秒的计时器开始了。", SetTimer(2, 30))
    li.hears("我有哪些计时器", "有两个计时器。三十秒的计时器还剩三十秒。两小时的计时器还剩两小时。")
    li.hears("取消计时器", "要取消哪一个？现在有三十秒和两小时。")


@pytest.mark.parametrize(
    ("sum_", "answer"),
    [
        ("what is twelve times twelve", "That is one hundred and forty-four."),
        ("0.1 + 0.2", "That is zero point three."),
        ("what is three minus five", "That is minus two."),
        ("1/3", "That is about zero point three three three."),
        ("divide five by zero", "Nothing can be divided by zero."),
        ("what is fifteen percent of eighty", "That is twelve."),
        ("add one to 999999", "That is 1000000."),
        ("999999999999 times 999999999999", "These numbers are too large for me."),
        ("5000000000000 plus 1", "These numbers are too large for me."),
    ],
)
def test_arithmetic(sum_: str, answer: str) -> None:
    Person().hears(sum_, answer)


def test_facts_are_told_again_from_the_other_side() -> None:
    anna = Person()
    assert anna.ask("what did I tell you") == SkillReply("You have not asked me to remember anything yet.", failed=True)
    anna.hears(
        "Remember that my keys are in the Drawer, please.",
        "I will remember that your keys are in the Drawer.",
        Remember("my keys are in the Drawer"),
    )
    anna.hears(
        "remember I'm allergic to nuts",
        "I will remember that you are allergic to nuts.",
        Remember("I'm allergic to nuts"),
    )
    anna.hears("my name is Anna", "Nice to meet you, Anna.", Remember("my name is Anna"))
    anna.hears("where is my key", "You told me that your keys are in the Drawer.")
    anna.hears("what's my name", "You told me that your name is Anna.")
    assert anna.ask("where is my bicycle") == SkillReply("You have not told me that.", failed=True)
    anna.hears("forget everything", "It is forgotten.", Forget())
    anna.hears("forget everything", "There was nothing to forget.")


def test_facts_in_chinese() -> None:
    li = Person("zh")
    li.hears("记住我的钥匙在抽屉里", "好的，我记住了：你的钥匙在抽屉里。", Remember("我的钥匙在抽屉里"))
    li.hears("我叫小明", "很高兴认识你，小明。", Remember("我的名字是小明"))
    li.hears("我的钥匙在哪里", "你告诉过我：你的钥匙在抽屉里。")
    li.hears("我的名字是什么", "你告诉过我：你的名字是小明。")


def test_a_very_long_fact_is_cut_and_said_as_it_is_kept() -> None:
    anna = Person()
    reply = anna.ask("remember that " + "x" * 300)
    assert reply.effects == (Remember("x" * 200),)


def test_stop_says_nothing_and_repeat_says_it_again() -> None:
    anna = Person()
    anna.hears("say that again", "I have not said anything yet.")
    anna.memory.last_reply = "It is noon."
    anna.hears("what did you say", "It is noon.")
    assert anna.ask("stop") == SkillReply("", stop=True)


def test_answering_changes_nothing() -> None:
    """A reply may be prepared and then thrown away: until the commit, memory is as it was."""
    memory = SkillMemory(facts=["a fact"])
    context = SkillContext("en", datetime(2026, 1, 1, tzinfo=UTC), memory)
    before = repr(memory)
    for language in SKILLS.languages:
        for text in SKILLS.examples(language, 1000):
            intent = SKILLS.match(text, language)
            assert intent is not None
            SKILLS.answer(intent, SkillContext(language, context.now, memory))
    assert repr(memory) == before
