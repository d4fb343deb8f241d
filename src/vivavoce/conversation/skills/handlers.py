"""The skills that need more than words: one function each, named as in the sentence files.

A handler reads the intent's slots and the context and answers; it changes nothing. Its texts come from the
sentence file by key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from vivavoce.conversation.skills import facts, numbers, spoken
from vivavoce.conversation.skills.definition import Definition
from vivavoce.conversation.skills.memory import MAX_FACT_LENGTH, MAX_TIMER_SECONDS, MAX_TIMERS, SkillMemory, Timer
from vivavoce.conversation.skills.values import (
    CancelTimer,
    Effect,
    Forget,
    Intent,
    Remember,
    SetTimer,
    SetVolume,
    SkillReply,
    Slot,
)

VOLUME_STEP = 10
MAX_NUMBER = 10**12


@dataclass(frozen=True, slots=True)
class Question:
    """What a handler gets. `slots` of an LLM's call have been checked against the definition."""

    intent: Intent
    definition: Definition
    now: datetime
    memory: SkillMemory

    @property
    def language(self) -> str:
        return self.definition.language

    def slot(self, name: str) -> Slot | None:
        return self.intent.slots.get(name)

    def number(self, name: str) -> Fraction:
        """The slot as an exact number, 0 when it is not filled: 2.5 is five halves, not its nearest float."""
        return Fraction(str(self.intent.slots.get(name, 0)))

    def reply(self, key: str, *effects: Effect, **values: object) -> SkillReply:
        """The text of this skill under `key`, filled in."""
        return SkillReply(self.definition.words(self.intent.name, key).format(**values), effects)

    def failed(self, key: str) -> SkillReply:
        return SkillReply(self.definition.words(self.intent.name, key), failed=True)

    def counted(self, number: int) -> str:
        """A whole number in words, as before what it counts."""
        if self.language == "zh":
            return numbers.chinese(number, counting=True)
        return numbers.english(number)


Handler = Callable[[Question], SkillReply]


# ── time ──────────────────────────────────────────────────────────────────────────────────────────


def current_time(question: Question) -> SkillReply:
    return question.reply("time", time=spoken.time(question.now, question.language))


def current_date(question: Question) -> SkillReply:
    offset = int(question.number("day"))
    day = question.now.date() + timedelta(days=offset)
    language = question.language
    match question.slot("about"):
        case "month":
            return question.reply("month", month=spoken.month(day, language))
        case "year":
            return question.reply("year", year=spoken.year(day, language))
    return question.reply(
        "date",
        day=spoken.day_name(offset, language),
        weekday=spoken.weekday(day, language),
        month=spoken.month(day, language),
        ordinal=spoken.ordinal(day.day),
        date=question.counted(day.day),
    )


# ── volume ────────────────────────────────────────────────────────────────────────────────────────


def volume_set(question: Question) -> SkillReply:
    percent = int(question.number("percent"))
    return question.reply("set" if percent else "muted", SetVolume(percent), percent=question.counted(percent))


def volume_change(question: Question) -> SkillReply:
    by = int(question.number("by")) or VOLUME_STEP
    volume, up = question.memory.volume, question.slot("direction") == "up"
    percent = min(100, volume + by) if up else max(0, volume - by)
    if percent == volume:
        return question.reply("loudest" if up else "softest")
    return question.reply("set" if percent else "softest", SetVolume(percent), percent=question.counted(percent))


def volume_ask(question: Question) -> SkillReply:
    return question.reply("volume", percent=question.counted(question.memory.volume))


# ── timers ────────────────────────────────────────────────────────────────────────────────────────


def timer_set(question: Question) -> SkillReply:
    seconds, label = _seconds(question), str(question.slot("label") or "")
    if seconds < 1:
        return question.reply("how_long")
    if seconds > MAX_TIMER_SECONDS:
        return question.reply("too_long")
    if len(question.memory.timers) >= MAX_TIMERS:
        return question.reply("too_many")
    effect = SetTimer(question.memory.next_timer_id, seconds, label)
    length = spoken.duration(seconds, question.language)
    return question.reply("named" if label else "set", effect, duration=length, label=label)


def timer_ask(question: Question) -> SkillReply:
    timers = _chosen(question)
    if not question.memory.timers:
        return question.reply("none")
    if not timers:
        return question.reply("unknown")
    lines = [_left(question, timer) for timer in timers]
    if len(lines) == 1:
        return SkillReply(lines[0])
    gap = "" if question.language == "zh" else " "
    return question.reply("many", count=question.counted(len(lines)), list=gap.join(lines))


def timer_cancel(question: Question) -> SkillReply:
    memory, timers = question.memory, _chosen(question)
    if not memory.timers:
        return question.reply("none")
    if question.slot("all"):
        return question.reply("all", CancelTimer(None))
    if not timers:
        return question.reply("unknown")
    if len(timers) > 1 and not _alike(timers):
        names = [timer.label or spoken.duration(timer.seconds, question.language) for timer in timers]
        return question.reply("which", list=spoken.joined(names, question.language))
    timer = timers[0]
    return question.reply(
        "cancelled_named" if timer.label else "cancelled",
        CancelTimer(timer.id),
        duration=spoken.duration(timer.seconds, question.language),
        label=timer.label,
    )


def _seconds(question: Question) -> int:
    """The duration said, in seconds; 0 when none was."""
    hours = question.number("hours") + question.number("half_hours")
    minutes = question.number("minutes") + question.number("half_minutes")
    return int(hours * 3600 + minutes * 60 + question.number("seconds") + question.number("span"))


def _chosen(question: Question) -> list[Timer]:
    """The timers meant, the one that rings first in front: by label, by duration, or all."""
    timers = sorted(question.memory.timers.values(), key=lambda timer: (timer.ends, timer.id))
    if label := question.slot("label"):
        return [timer for timer in timers if timer.label == label]
    if seconds := _seconds(question):
        return [timer for timer in timers if timer.seconds == seconds]
    return timers


def _alike(timers: Sequence[Timer]) -> bool:
    """Timers that cannot be told apart by name: cancelling "the five minute timer" then means the next one."""
    return len({(timer.label, timer.seconds) for timer in timers}) == 1


def _left(question: Question, timer: Timer) -> str:
    left = spoken.duration(round(timer.left(question.now)), question.language)
    text = question.definition.words("timer_ask", "one_named" if timer.label else "one")
    text = text.format(left=left, label=timer.label, duration=spoken.duration(timer.seconds, question.language))
    return text[:1].upper() + text[1:]


# ── arithmetic ────────────────────────────────────────────────────────────────────────────────────


def calculate(question: Question) -> SkillReply:
    a, b = question.number("a"), question.number("b")
    if max(abs(a), abs(b)) > MAX_NUMBER:
        return question.reply("too_large")
    match question.slot("operation"):
        case "add":
            result = a + b
        case "subtract":
            result = a - b
        case "multiply":
            result = a * b
        case "percent":
            result = a * b / 100
        case _ if b == 0:
            return question.reply("zero")
        case _:
            result = a / b
    if abs(result) > MAX_NUMBER:
        return question.reply("too_large")
    text, exact = numbers.words(result, question.language)
    return question.reply("exact" if exact else "about", result=text)


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────


def remember(question: Question) -> SkillReply:
    name = str(question.slot("name") or "").strip()[:MAX_FACT_LENGTH]
    fact = str(question.slot("fact") or "").strip()[:MAX_FACT_LENGTH]
    if name:
        told = f"我的名字是{name}" if question.language == "zh" else f"my name is {name}"
        return question.reply("name", Remember(told[:MAX_FACT_LENGTH]), name=name)
    if not fact:
        return question.reply("empty")
    return question.reply("kept", Remember(fact), fact=facts.from_my_side(fact, question.language))


def recall(question: Question) -> SkillReply:
    known = question.memory.facts
    thing = question.slot("thing")
    if not known:
        return question.failed("nothing")
    found = facts.about(str(thing), known, question.language) if thing else known
    if not found:
        return question.failed("unknown")
    told = [facts.from_my_side(fact, question.language) for fact in found]
    return question.reply("facts", facts=question.definition.words("recall", "joint").join(told))


def forget(question: Question) -> SkillReply:
    return question.reply("done", Forget()) if question.memory.facts else question.reply("nothing")


# ── the conversation itself ───────────────────────────────────────────────────────────────────────


def stop(question: Question) -> SkillReply:
    return SkillReply("", stop=True)


def repeat(question: Question) -> SkillReply:
    return SkillReply(question.memory.last_reply) if question.memory.last_reply else question.reply("nothing")


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        current_time,
        current_date,
        volume_set,
        volume_change,
        volume_ask,
        timer_set,
        timer_ask,
        timer_cancel,
        calculate,
        remember,
        recall,
        forget,
        stop,
        repeat,
    )
}
