"""Turn-based conversations: the client says when to answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from vivavoce.conversation.inputs import Commit, Generate, Interrupt, Prefill
from vivavoce.conversation.outputs import (
    Flush,
    Prefilled,
    QueueDone,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    SpeechEnded,
    SpeechStarted,
)
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import WrongOrder
from vivavoce.inference.backends.scripted import Fault, ScriptedModel, ScriptedRecognizer
from vivavoce.inference.ports import ChatMessage, ChatRequest
from vivavoce.testing.rehearsal import LOUD, Rehearsal

SPEC = SessionSpec("turns", kind="streaming", output_rate=16_000)
LONG = "One two three four five six. " * 6


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


async def test_text_in_and_a_spoken_reply_out() -> None:
    async with Rehearsal(spec=SPEC, reply="This is a reply.") as play:
        await play.open()
        play.session.handle(Prefill((user("what is this"),)))
        await play.wait(20)
        assert play.last(Prefilled).messages == (user("what is this"),)
        play.session.handle(Generate())
        await play.wait(5000)
        assert play.texts() == ["This is a reply."]
        assert play.last(ReplyDone).reason == "completed"
        assert [m.text for m in play.session.messages()] == ["what is this", "This is a reply."]


async def test_text_only_makes_no_sound() -> None:
    async with Rehearsal(spec=SPEC, reply="This is a reply.") as play:
        await play.open()
        play.session.handle(Prefill((user("what is this"),)))
        play.session.handle(Generate(audio=False))
        await play.wait(5000)
        assert play.texts() == ["This is a reply."]
        assert not play.all(ReplyAudio)
        assert play.last(ReplyDone).reason == "completed"


async def test_sound_closed_by_a_button() -> None:
    async with Rehearsal(spec=SPEC, heard="tell me more") as play:
        await play.open()
        await play.speak(1000)
        play.session.handle(Commit())
        play.session.handle(Generate())
        await play.wait(5000)
        assert play.transcripts() == ["tell me more"]
        assert play.last(ReplyStarted).said == "tell me more"
        assert play.last(ReplyDone).reason == "completed"


async def test_generate_may_come_before_the_sound_is_closed() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        await play.speak(200)
        play.session.handle(Generate())
        await play.speak(1000)
        assert not play.all(ReplyStarted)
        play.session.handle(Commit())
        await play.wait(5000)
        assert play.last(ReplyDone).reason == "completed"


async def test_sound_closed_by_the_end_of_speech() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.quiet(2000)
        await play.speak(1000)
        await play.quiet(5000)
        assert play.last(SpeechStarted).at == pytest.approx(2000, abs=64)
        assert play.last(SpeechEnded).at == pytest.approx(3000, abs=64)
        assert play.last(ReplyDone).reason == "completed"


async def test_nothing_to_answer_is_the_wrong_order() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.wait(100)
        with pytest.raises(WrongOrder, match="being made"):
            play.session.handle(Generate())
        play.session.handle(Interrupt())
        with pytest.raises(WrongOrder, match="nothing to answer"):
            play.session.handle(Generate())
        with pytest.raises(WrongOrder, match="no sound"):
            play.session.handle(Commit())


async def test_what_comes_too_early_is_told_when_its_turn_comes() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Generate())
        await play.wait(100)
        assert play.problems() == ["wrong_order"]


async def test_stop_is_heard_at_any_moment_and_stops_only_this_reply() -> None:
    async with Rehearsal(spec=SPEC, reply=LONG) as play:
        await play.open()
        play.session.handle(Prefill((user("what is this"),)))
        play.session.handle(Generate())
        await play.wait(2000)
        play.session.handle(Interrupt())
        await play.wait(1000)
        done = play.last(ReplyDone)
        assert done.reason == "stopped"
        assert LONG.startswith(done.heard_text)
        assert play.last(Flush).reason == "stopped"
        assert play.speaker.stale == 0
        play.session.handle(Prefill((user("and now"),)))
        play.session.handle(Generate())
        await play.wait(20_000)
        assert play.last(ReplyDone).reason == "completed"
        assert play.last(ReplyDone).reply == 2


async def test_the_slot_is_held_for_the_turn_only() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        assert play.local.busy == 0
        for _ in range(2):
            play.session.handle(Prefill((user("what is this"),)))
            play.session.handle(Generate())
            await play.wait(200)
            assert play.local.busy == 1
            await play.wait(5000)
            assert play.local.busy == 0
        assert len(play.all(QueueDone)) == 2
        assert [done.reply for done in play.all(ReplyDone)] == [1, 2]


async def test_a_prefill_without_an_answer_gives_its_slot_back_after_a_minute() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Prefill((user("what is this"),)))
        await play.wait(1000)
        assert play.local.busy == 1
        await play.wait(62_000)
        assert play.local.busy == 0
        play.session.handle(Generate())
        await play.wait(5000)
        assert play.last(ReplyDone).reason == "completed", "the prefilled message is still there"


async def test_sounds_in_a_message_become_words_in_order() -> None:
    async with Rehearsal(spec=SPEC, heard=["my dog", "my cat"]) as play:
        await play.open()
        sound = LOUD * 20
        play.session.handle(Prefill((user("this is"),), sounds=(sound,)))
        play.session.handle(Prefill((user("and this"),), sounds=(sound,)))
        play.session.handle(Prefill((user("done"),)))
        await play.wait(1000)
        assert [m.text for m in play.session.messages()] == ["this is my dog", "and this my cat", "done"]


async def test_a_conversation_can_be_replaced() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Prefill((user("old"),)))
        play.session.handle(Prefill((user("new"),), replace=True))
        await play.wait(100)
        assert [m.text for m in play.session.messages()] == ["new"]


async def test_the_model_gets_the_history_and_the_wishes_of_the_request() -> None:
    asked: list[ChatRequest] = []

    class Watching(ScriptedModel):
        def reply(self, request: ChatRequest):
            asked.append(request)
            return super().reply(request)

    async with Rehearsal(spec=SPEC, model=Watching("Yes.")) as play:
        await play.open()
        play.session.handle(Prefill((user("tell me a story"), ChatMessage("assistant", "No."), user("why is that"))))
        play.session.handle(Generate(max_new_tokens=7, temperature=0.5))
        await play.wait(3000)
        (request,) = asked
        assert [m.text for m in request.messages] == ["tell me a story", "No.", "why is that"]
        assert (request.max_tokens, request.temperature) == (7, 0.5)


async def test_a_recogniser_that_fails_is_told_and_frees_the_turn() -> None:
    async with Rehearsal(spec=SPEC, recognizer=ScriptedRecognizer("hello", fault=Fault("raise"))) as play:
        await play.open()
        await play.speak(500)
        play.session.handle(Commit())
        play.session.handle(Generate())
        await play.wait(1000)
        assert play.problems() == ["asr_failed"]
        play.session.handle(Prefill((user("what is this"),)))
        play.session.handle(Generate())
        await play.wait(4000)
        assert play.last(ReplyDone).reason == "completed"


async def test_waiting_for_a_voice_that_never_comes_has_a_limit() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.quiet(61_000)
        assert play.problems() == ["utterance_limit"]


async def test_a_timer_rings_although_nobody_holds_a_slot() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Prefill((user("set a timer for one minute"),)))
        play.session.handle(Generate())
        await play.wait(10_000)
        assert play.local.busy == 0
        await play.wait(65_000)
        assert "timer" in play.texts()[1].lower()
        assert play.local.busy == 0


async def test_the_next_message_may_be_spoken_while_the_reply_sounds() -> None:
    async with Rehearsal(spec=SPEC, heard=["tell me more"], reply="This is a reply.") as play:
        await play.open()
        play.session.handle(Prefill((user("what is this"),)))
        play.session.handle(Generate())
        await play.wait(600)
        await play.speak(4000)
        assert play.all(ReplyDone)
        assert play.local.busy == 1
        play.session.handle(Commit())
        play.session.handle(Generate())
        await play.wait(5000)
        assert play.transcripts() == ["tell me more"]
        assert len(play.all(ReplyDone)) == 2


# ── clients that vanish ───────────────────────────────────────────────────────────────────────────


async def _prefilled(play: Rehearsal) -> None:
    play.session.handle(Prefill((user("what is this"),)))


async def _reading(play: Rehearsal) -> None:
    play.session.handle(Prefill((user(""),), (LOUD * 50,)))


async def _waiting_for_a_voice(play: Rehearsal) -> None:
    play.session.handle(Generate(vad=True))


async def _hearing(play: Rehearsal) -> None:
    await play.speak(500)


async def _settling(play: Rehearsal) -> None:
    await play.speak(500)
    play.session.handle(Commit())


async def _thinking(play: Rehearsal) -> None:
    await _prefilled(play)
    play.session.handle(Generate())


async def _speaking(play: Rehearsal) -> None:
    await _thinking(play)
    await play.wait(2000)
    assert play.all(ReplyAudio)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 10])
@pytest.mark.parametrize(
    "state", [_prefilled, _reading, _waiting_for_a_voice, _hearing, _settling, _thinking, _speaking]
)
async def test_a_client_that_vanishes_in_any_state_leaves_nothing(state, steps: int) -> None:
    async with Rehearsal(spec=SPEC, reply=LONG) as play:
        await play.open()
        await state(play)
        for _ in range(steps):
            await asyncio.sleep(0)
        play.session.detach(play)
        await play.wait(62_000)
        assert len(play.sessions) == play.local.busy == len(play.batcher) == 0
        assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("state", [_reading, _waiting_for_a_voice, _hearing, _settling, _thinking, _speaking])
async def test_stop_in_any_state_makes_room_for_the_next_answer(state, steps: int) -> None:
    async with Rehearsal(spec=SPEC, reply=LONG) as play:
        await play.open()
        await state(play)
        for _ in range(steps):
            await asyncio.sleep(0)
        play.session.handle(Interrupt())
        await play.wait(3000)
        play.session.handle(Prefill((user("what is this"),)))
        play.session.handle(Generate())
        await play.wait(20_000)
        assert play.last(ReplyDone).reason == "completed"
        assert play.local.busy == 0


async def test_a_microphone_left_open_is_not_recognised_each_minute() -> None:
    async with Rehearsal(spec=SPEC, heard=[""] * 9) as play:
        await play.open()
        await play.quiet(5 * 60_000)
        assert play.problems().count("utterance_limit") == 1
        assert play.local.busy == 1
        await play.wait(62_000)
        assert play.local.busy == 0


async def test_speech_in_a_language_nobody_understands_is_told_once() -> None:
    async with Rehearsal(
        spec=replace(SPEC, language="zh"), recognizer=ScriptedRecognizer("hi", languages=("en",))
    ) as play:
        await play.open()
        await play.speak(3000)
        assert play.problems() == ["asr_failed"]
        play.session.handle(Prefill((user("几点了"),), sounds=(LOUD * 20,)))
        await play.wait(500)
        assert play.problems() == ["asr_failed", "asr_failed"]
        play.session.handle(Prefill((user("几点了"),)))
        play.session.handle(Generate())
        await play.wait(6000)
        assert play.last(ReplyDone).reason == "completed"
