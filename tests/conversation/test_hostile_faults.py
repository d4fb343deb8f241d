"""Faults of our own: each ends its own session, with a word to its client, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from vivavoce.conversation.inputs import Generate, Interrupt, UserText
from vivavoce.conversation.outputs import Prepared, Problem, ReplyDone, SpeechStarted
from vivavoce.conversation.responder import Answer, Question
from vivavoce.conversation.skills import SetTimer
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused
from vivavoce.testing.rehearsal import LOUD, Rehearsal

LONG = "One two three four five six. " * 6


class Bomb:
    """A responder that sets timers, and breaks when it is told to «explode»."""

    def answer(self, question: Question) -> AsyncIterator[Answer]:
        return self._answer(question.transcript.text, question.memory.next_timer_id)

    async def _answer(self, text: str, number: int) -> AsyncIterator[Answer]:
        if text == "timer":
            yield SetTimer(number, 5, "")
        elif text == "explode":
            yield LONG
            await asyncio.sleep(4)
            raise ZeroDivisionError
        yield LONG


async def test_a_fault_while_an_announcement_waits_ends_one_session_only() -> None:
    # The end of the broken reply is the moment of the announcement, in a view that is no more.
    async with Rehearsal(responder=Bomb()) as play:
        other = await play.sessions.open(play.other("other"), play)
        play.session.handle(UserText("timer"))
        await play.wait(3000)
        play.session.handle(UserText("explode"))
        await play.wait(6000)
        assert play.last(Problem).code == "internal"
        assert play.session.over
        assert not other.over
        assert len(play.sessions) == 1
        assert play.local.busy == 1


async def test_a_fault_in_what_the_voice_detector_calls_ends_the_session() -> None:
    class Broken:
        def judge(self, evidence: object) -> str:
            raise ZeroDivisionError

    async with Rehearsal(reply=LONG, heard="no that is wrong", judge=Broken()) as play:
        other = await play.sessions.open(play.other("other"), play)
        play.session.handle(UserText("tell me all"))
        await play.quiet(3000)
        await play.speak(1000)
        assert play.last(Problem).code == "internal"
        assert play.session.over
        assert not other.over
        assert play.local.busy == 1


async def test_a_fault_in_a_timer_ends_the_session_and_the_clocks_of_the_others_go_on() -> None:
    class Torn:
        def text(self, timer: object, language: str) -> str:
            raise ZeroDivisionError

    async with Rehearsal(responder=Bomb(), ring_text=Torn().text) as play:
        other = await play.sessions.open(play.other("other"), play)
        play.session.handle(UserText("timer"))
        await play.wait(8000)
        assert play.session.over
        other.handle(UserText("talk"))
        await play.wait(20_000)
        assert play.last(ReplyDone).reason == "completed"
        other.detach(play)
        await play.wait(62_000)
        assert len(play.sessions) == 0, "the second hand that ends lost sessions still moves"


async def test_speech_that_nobody_waits_for_any_more_stops_no_clock() -> None:
    spec = SessionSpec("turns", kind="streaming", output_rate=16_000)
    async with Rehearsal(spec=spec) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.wait(20)
        play.session.audio(6 * LOUD)  # scored in the loop's next round, when it is too late
        play.session.handle(Interrupt())
        await play.wait(3000)
        assert not play.all(SpeechStarted)
        play.session.detach(play)
        await play.wait(62_000)
        assert len(play.sessions) == 0


@pytest.mark.parametrize("token", ["ключ", "\ud800", "x", "x" * 128])
async def test_a_stranger_with_any_token_is_refused(token: str) -> None:
    async with Rehearsal() as play:
        with pytest.raises(Refused) as refused:
            await play.sessions.open(play.spec, play, token)
        assert refused.value.code == "session_in_use"
        assert len(play.all(Prepared)) == 1
