"""What the skills of one conversation keep: volume, timers, facts, the last reply. Pure bookkeeping.

Only `commit` and `rung` change it, and only the owner of the conversation calls them; skills read.
Bounds: 20 timers of at most 4 hours, 50 facts of at most 200 characters. Skills refuse a timer too many
aloud; of the facts the oldest goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vivavoce.conversation.skills.values import (
    Ask,
    CancelTimer,
    Effect,
    Forget,
    Intent,
    Remember,
    SetTimer,
    SetVolume,
)

MAX_TIMERS = 20
MAX_TIMER_SECONDS = 4 * 3600
"""As long as a session lives at most: a timer that could not ring is not set."""
MAX_FACTS = 50
MAX_FACT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Timer:
    """A running timer. `ends` is in UTC, so that a change to summer time moves nothing."""

    id: int
    seconds: int
    label: str
    ends: datetime

    def left(self, now: datetime) -> float:
        """Seconds until it rings; never negative."""
        return max(0.0, (self.ends - now.astimezone(UTC)).total_seconds())


@dataclass(slots=True)
class SkillMemory:
    """One conversation's. `last_reply` is the newest reply of which something was heard; its owner sets it."""

    volume: int = 100
    last_reply: str = ""
    asked: Intent | None = None
    facts: list[str] = field(default_factory=list)
    timers: dict[int, Timer] = field(default_factory=dict)
    _issued: int = 0

    @property
    def next_timer_id(self) -> int:
        """The id of the timer set next. Replies prepared from one state share it, and so do two timers of one reply
        that is not committed yet; the second of those gets the next one.
        """
        return self._issued + 1

    def commit(self, effects: Iterable[Effect], now: datetime) -> None:
        """A turn with these effects was committed at `now` (aware). Call it for each turn, effects or none:
        a question asked in the turn before is settled by any answer.
        """
        self.asked = None
        for effect in effects:
            self._apply(effect, now)

    def _apply(self, effect: Effect, now: datetime) -> None:
        match effect:
            case SetVolume(percent):
                self.volume = max(0, min(100, percent))
            case SetTimer(id=number, seconds=seconds, label=label):
                self._start(number, seconds, label, now)
            case CancelTimer(None):
                self.timers.clear()
            case CancelTimer(int(number)):
                self.timers.pop(number, None)
            case Remember(fact):
                self._remember(fact[:MAX_FACT_LENGTH])
            case Forget():
                self.facts.clear()
            case Ask(intent):
                self.asked = intent

    def _start(self, number: int, seconds: int, label: str, now: datetime) -> None:
        if len(self.timers) >= MAX_TIMERS:
            return  # the skill has refused it aloud already; this keeps the bound for every other caller
        seconds = max(1, min(MAX_TIMER_SECONDS, seconds))
        if number in self.timers:
            number = self.next_timer_id
        ends = now.astimezone(UTC) + timedelta(seconds=seconds)
        self.timers[number] = Timer(number, seconds, label, ends)
        self._issued = max(self._issued, number)

    def _remember(self, fact: str) -> None:
        if fact in self.facts:
            self.facts.remove(fact)
        self.facts.append(fact)
        del self.facts[:-MAX_FACTS]

    def recall(self, volume: int, facts: Iterable[str], timers: Iterable[Timer], last_reply: str) -> None:
        """Go on where another process was; within the bounds of this module."""
        self.volume = max(0, min(100, volume))
        self.facts = [fact[:MAX_FACT_LENGTH] for fact in facts][-MAX_FACTS:]
        self.timers = {timer.id: timer for timer in list(timers)[:MAX_TIMERS]}
        self.last_reply = last_reply
        self._issued = max(self.timers, default=0)

    def rung(self, number: int) -> Timer | None:
        """That timer is up and forgotten; announce it with `Skills.ring_text`. None when it was cancelled."""
        return self.timers.pop(number, None)
