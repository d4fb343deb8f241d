"""What a conversation's skills keep: nothing before the commit, and never more than the bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.skills import (
    Ask,
    CancelTimer,
    Effect,
    Forget,
    Intent,
    Remember,
    SetTimer,
    SetVolume,
    SkillMemory,
)

NOW = datetime(2026, 11, 26, 15, 5, tzinfo=UTC)

EFFECTS = st.one_of(
    st.builds(SetVolume, st.integers(-1000, 1000)),
    st.builds(SetTimer, st.integers(0, 100), st.integers(-5, 10**9), st.text(max_size=5)),
    st.builds(CancelTimer, st.none() | st.integers(0, 100)),
    st.builds(Remember, st.text(max_size=400)),
    st.just(Forget()),
)


@given(st.lists(EFFECTS, max_size=120))
def test_bounds_hold_whatever_is_committed(effects: list[Effect]) -> None:
    memory = SkillMemory()
    memory.commit(effects, NOW)
    assert 0 <= memory.volume <= 100
    assert len(memory.timers) <= 20
    assert all(1 <= timer.seconds <= 4 * 3600 for timer in memory.timers.values())
    assert len(memory.facts) <= 50
    assert all(len(fact) <= 200 for fact in memory.facts)


def test_a_timer_rings_once_and_not_when_it_was_cancelled() -> None:
    memory = SkillMemory()
    memory.commit([SetTimer(1, 300, "tea")], NOW)
    rung = memory.rung(1)
    assert rung is not None
    assert rung.label == "tea"
    assert memory.rung(1) is None


def test_ids_are_not_used_again() -> None:
    memory = SkillMemory()
    memory.commit([SetTimer(memory.next_timer_id, 60)], NOW)
    memory.commit([CancelTimer(1)], NOW)
    assert memory.next_timer_id == 2


def test_a_change_to_summer_time_does_not_move_a_timer() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 3, 29, 1, 59, tzinfo=berlin)
    memory = SkillMemory()
    memory.commit([SetTimer(1, 120)], before)
    after = datetime(2026, 3, 29, 3, 0, tzinfo=berlin)
    assert memory.timers[1].left(after) == 60


def test_the_same_fact_is_kept_once_and_the_oldest_goes() -> None:
    memory = SkillMemory()
    memory.commit([Remember(f"fact {n}") for n in range(50)], NOW)
    memory.commit([Remember("fact 0"), Remember("one more")], NOW)
    assert memory.facts[-2:] == ["fact 0", "one more"]
    assert "fact 1" not in memory.facts
    assert len(memory.facts) == 50


def test_a_question_is_settled_by_the_next_turn() -> None:
    memory = SkillMemory()
    memory.commit([Ask(Intent("stop"))], NOW)
    assert memory.asked == Intent("stop")
    memory.commit([], NOW)
    assert memory.asked is None
