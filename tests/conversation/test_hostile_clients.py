"""Clients that vanish in every state, come twice, or storm; clocks that jump; a house that closes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from vivavoce.conversation.inputs import Commit, Generate, Interrupt, Pause, Prefill, Stop, Unpause, UserText
from vivavoce.conversation.outputs import (
    Flush,
    Hold,
    Prepared,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    StateChanged,
    Stopped,
)
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused
from vivavoce.inference.backends.scripted import ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from vivavoce.inference.ports import ChatMessage
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import Rehearsal, wall_clock

LONG = "One two three four five six seven eight nine ten. " * 6


def rehearsal() -> Rehearsal:
    """Each step slow enough to vanish in the middle of it."""
    return Rehearsal(
        reply=LONG,
        heard="tell me all about it",
        recognizer=ScriptedRecognizer("tell me all about it", delay_s=2.0, word_s=None),
        model=ScriptedModel(LONG, first_token_s=2.0),
        synthesizer=ScriptedSynthesizer(rate=16_000, first_frame_s=2.0),
    )


# ── the states, each with the way into it and its proof ───────────────────────────────────────────


async def prepared(play: Rehearsal) -> bool:
    return bool(play.all(Prepared))


async def listening(play: Rehearsal) -> bool:
    await play.speak(500)
    return bool(play.all(SpeechStarted))


async def recognising(play: Rehearsal) -> bool:
    await play.speak(500)
    play.session.handle(Commit())
    await play.quiet(200)
    return play.last(StateChanged).state == "recognising"


async def thinking(play: Rehearsal) -> bool:
    play.session.handle(UserText("tell me all about it"))
    await play.quiet(500)
    return play.last(StateChanged).state == "thinking"


async def synthesising(play: Rehearsal) -> bool:
    await thinking(play)
    await play.quiet(2000)
    return play.last(StateChanged).state == "synthesising"


async def speaking(play: Rehearsal) -> bool:
    await synthesising(play)
    await play.quiet(3000)
    return play.last(StateChanged).state == "speaking"


async def held(play: Rehearsal) -> bool:
    await speaking(play)
    await play.speak(200)
    return play.story()[-1] == "Hold" and bool(play.all(Hold))


async def flushed(play: Rehearsal) -> bool:
    await speaking(play)
    play.session.handle(Interrupt())
    return bool(play.all(Flush)) and not play.all(ReplyDone)


async def paused(play: Rehearsal) -> bool:
    await speaking(play)
    play.session.handle(Pause())
    await play.wait(500)
    return play.last(StateChanged).state == "paused"


STATES = [prepared, listening, recognising, thinking, synthesising, speaking, held, flushed, paused]
each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
State = Callable[[Rehearsal], Awaitable[bool]]


def left_over() -> list[str]:
    """Tasks that belong to a session."""
    mine = ("session", "view", "lease", "reply", "settle", "prefill")
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith(mine)]


@each_state
async def test_a_client_that_vanishes_leaves_nothing_after_a_minute(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        play.session.detach(play)
        sent = len(play.said)
        await play.wait(62_000)
        assert len(play.said) == sent, "nobody is spoken to"
        assert play.session.over
        assert len(play.sessions) == play.local.busy == play.local.waiting == 0
        assert left_over() == []


@each_state
async def test_a_client_that_comes_back_goes_on(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        play.session.detach(play)
        await play.wait(10_000)
        await play.open(resume=play.last(Prepared).resume)
        if state is paused:
            play.session.handle(Unpause())
        await play.quiet(60_000)
        if state is not prepared:
            assert play.last(ReplyDone).reason == ("stopped" if state is flushed else "completed")
            assert play.heard_texts()[-1] == LONG.strip() or state is flushed
        assert play.speaker.gaps == play.speaker.stale == 0
        play.session.handle(UserText("again"))
        await play.quiet(60_000)
        assert play.last(ReplyDone).reason == "completed"


@each_state
async def test_stop_in_any_state_frees_everything_at_once(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        play.session.handle(Stop())
        assert isinstance(play.said[-1].output, Stopped)
        await play.wait(40)
        assert len(play.sessions) == play.local.busy == 0
        assert left_over() == []


@each_state
async def test_draining_ends_every_state_within_its_grace(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        async with asyncio.timeout(6.0):
            await play.sessions.drain(5.0)
        assert play.problems() == ["restarting"]
        await play.wait(40)
        assert len(play.sessions) == play.local.busy == 0
        assert left_over() == []


@each_state
async def test_draining_ends_whoever_vanished_too(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        play.session.detach(play)
        async with asyncio.timeout(6.0):
            await play.sessions.drain(5.0)
        await play.wait(40)
        assert len(play.sessions) == play.local.busy == 0


@each_state
async def test_text_and_sound_in_any_state_end_in_a_whole_reply(state: State) -> None:
    async with rehearsal() as play:
        assert await state(play)
        play.session.handle(Unpause())
        for event in (Commit(), Interrupt(), UserText("never mind"), Interrupt(), Commit(), UserText("tell me")):
            play.session.handle(event)
        await play.quiet(60_000)
        assert play.last(ReplyDone).reason == "completed"
        assert play.heard_texts()[-1] == LONG.strip()
        assert len(play.all(ReplyStarted)) == len(play.all(ReplyDone))
        assert play.speaker.stale == 0


async def test_a_client_that_vanishes_in_the_queue_gives_its_place_back() -> None:
    async with Rehearsal(pool=PoolSettings(slots=1, queue=2)) as play:
        for _ in range(100):
            opening = asyncio.get_running_loop().create_task(play.sessions.open(play.other("second"), play))
            await play.wait(20)
            assert play.local.waiting == 1
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening
        await play.wait(40)
        assert play.local.waiting == 0
        assert len(play.sessions) == 1


async def test_one_that_leaves_the_queue_as_its_place_comes_free_loses_no_slot() -> None:
    async with Rehearsal(pool=PoolSettings(slots=1)) as play:
        opening = asyncio.get_running_loop().create_task(play.sessions.open(play.other("second"), play))
        await play.wait(40)
        play.session.handle(Stop())
        for _ in range(3):
            await asyncio.sleep(0)
        opening.cancel()
        await play.wait(100)
        assert play.local.busy == 0
        assert len(play.sessions) == 0


async def test_one_that_leaves_as_its_turn_begins_leaves_nothing_at_the_voice_detector() -> None:
    async with Rehearsal(spec=SessionSpec("turns", kind="streaming", output_rate=16_000)) as play:
        for steps in range(8):
            await play.open()
            play.session.handle(UserText("tell me more"))
            for _ in range(steps):
                await asyncio.sleep(0)
            play.session.handle(Stop())
            await play.wait(40)
            assert len(play.batcher) == play.local.busy == len(play.sessions) == 0


async def test_draining_tells_who_waits_in_the_queue() -> None:
    async with Rehearsal(pool=PoolSettings(slots=1)) as play:
        opening = asyncio.get_running_loop().create_task(play.sessions.open(play.other("second"), play))
        await play.wait(100)
        await play.sessions.drain(1.0)
        await opening
        await play.wait(100)
        assert play.problems() == ["restarting", "restarting"]
        assert len(play.sessions) == play.local.busy == play.local.waiting == 0
        with pytest.raises(Refused) as refused:
            await play.sessions.open(play.other("third"), play)
        assert refused.value.code == "draining"


async def test_a_running_reply_is_heard_to_its_end_while_draining_and_new_turns_may_begin_in_its_time() -> None:
    async with Rehearsal(reply=LONG) as play:
        play.session.handle(UserText("tell me all"))
        await play.quiet(1000)
        draining = asyncio.get_running_loop().create_task(play.sessions.drain(60.0))
        await play.quiet(40_000)
        await draining
        assert play.heard_texts() == [LONG.strip()]
        assert play.problems() == ["restarting"]


# ── storms ────────────────────────────────────────────────────────────────────────────────────────


async def test_twenty_timers_at_once_all_ring_one_after_another() -> None:
    async with Rehearsal(spec=SessionSpec("storm", output_rate=16_000)) as play:
        for _ in range(20):
            play.session.handle(UserText("set a timer for ten minutes"))
            await play.wait(20)
        await play.quiet(3000)
        assert len(play.session.memory.timers) == 20
        done = len(play.all(ReplyDone))
        await play.quiet(12 * 60_000)
        rung = play.all(ReplyDone)[done:]
        assert [each.reason for each in rung] == ["completed"] * 20
        assert all("timer" in each.heard_text.lower() for each in rung)
        assert not play.session.memory.timers
        play.session.handle(UserText("set a timer for ten minutes"))
        await play.quiet(3000)
        assert len(play.session.memory.timers) == 1


async def test_twenty_timers_of_a_turn_based_client_ring_although_it_holds_no_slot() -> None:
    async with Rehearsal(spec=SessionSpec("storm", kind="streaming", output_rate=16_000)) as play:
        await play.open()
        for _ in range(20):
            play.session.handle(Prefill((ChatMessage("user", "set a timer for ten minutes"),)))
            play.session.handle(Generate(audio=False))
            await play.wait(500)
        done = len(play.all(ReplyDone))
        assert done == 20
        await play.wait(12 * 60_000)
        assert len(play.all(ReplyDone)) == 40
        assert play.local.busy == 0


async def test_a_timer_that_rings_while_somebody_coughs_is_said_after_the_cough() -> None:
    async with Rehearsal() as play:
        play.session.handle(UserText("set a timer for ten seconds"))
        await play.quiet(9940)
        done = len(play.all(ReplyStarted))
        await play.speak(40)
        await play.quiet(8000)
        assert not play.all(SpeechStarted), "it was a cough"
        assert len(play.all(ReplyStarted)) == done + 1
        assert not play.session.memory.timers


async def test_a_thousand_commands_at_once_leave_one_reply() -> None:
    async with Rehearsal(reply=LONG) as play:
        for number in range(1000):
            play.session.handle(UserText(f"question {number}"))
            play.session.handle((Interrupt(), Commit(), Pause(), Unpause())[number % 4])
        play.session.handle(UserText("the last"))
        await play.quiet(40_000)
        reasons = [done.reason for done in play.all(ReplyDone)]
        assert reasons.count("completed") == 1
        assert len(reasons) == 1001
        assert sorted(left_over()) == ["session rehearsal", "view rehearsal"]


# ── clocks ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400), timedelta(hours=1), timedelta(hours=-1)])
async def test_the_wall_clock_may_jump(jump: timedelta) -> None:
    shift = timedelta()

    def clock() -> datetime:
        return wall_clock() + shift

    async with Rehearsal(clock=clock) as play:
        play.session.handle(UserText("set a timer for two minutes"))
        await play.quiet(5000)
        shift = jump
        await play.quiet(100_000)
        assert len(play.texts()) == 1, "not before its time"
        play.session.handle(UserText("what time is it"))
        await play.quiet(25_000)
        assert len(play.texts()) == 3, "and not after it"
        assert not play.session.over
        play.session.detach(play)
        shift = -jump
        await play.wait(59_000)
        assert len(play.sessions) == 1
        await play.wait(3000)
        assert len(play.sessions) == 0


async def test_sound_and_words_go_on_when_everybody_stood_still_for_ten_seconds() -> None:
    # A suspended machine, a loop that was blocked: what is owed is sent at once, nothing is lost.
    async with Rehearsal(reply=LONG) as play:
        play.session.handle(UserText("tell me all"))
        await play.quiet(2000)
        asyncio.get_running_loop()._jumping.moment += 10.0  # type: ignore[attr-defined]
        await play.quiet(30_000)
        assert play.speaker.gaps == play.speaker.twice == 0
        assert play.heard_texts() == [LONG.strip()]
        assert play.all(ReplyAudio)
