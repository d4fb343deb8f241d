"""Sound that comes too fast, too long, too late, or never."""

from __future__ import annotations

import pytest

from vivavoce.audio.pcm import FRAME_MS
from vivavoce.conversation.early import EVENTS
from vivavoce.conversation.inputs import Commit, Generate, Prefill, Stop, UserText
from vivavoce.conversation.outputs import (
    Prepared,
    Problem,
    QueueDone,
    ReplyDone,
    ReplyStarted,
    SpeechEnded,
    SpeechStarted,
    Stopped,
)
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BackendError, BadInput, WrongOrder
from vivavoce.inference.ports import ChatMessage
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.fakes import FakeRecognizer
from vivavoce.testing.rehearsal import LOUD, QUIET, Rehearsal

SPEC = SessionSpec("turns", kind="streaming", output_rate=16_000)


def frames(frame: bytes, milliseconds: int) -> bytes:
    return frame * (milliseconds // FRAME_MS)


def loud_ms(sound: bytes | bytearray) -> int:
    return FRAME_MS * sum(bytes(sound[at : at + 640]) != QUIET for at in range(0, len(sound), 640))


async def test_of_thirty_seconds_of_kept_sound_sent_at_once_every_word_is_heard() -> None:
    # The second utterance is there before the first could be understood: the speaker went on, so both are one turn.
    recognizer = FakeRecognizer("where is the key and what day is it")
    async with Rehearsal(recognizer=recognizer) as play:
        play.session.detach(play)
        await play.wait(30_000)
        await play.open(resume=play.last(Prepared).resume)
        kept = [*[QUIET] * 400, *[LOUD] * 50, *[QUIET] * 250, *[LOUD] * 100, *[QUIET] * 700]
        for frame in kept:
            play.session.audio(frame)
        await play.quiet(5000)
        assert [start.at // 100 for start in play.all(SpeechStarted)] == [80]
        assert [end.at // 100 for end in play.all(SpeechEnded)] == [160]
        assert loud_ms(recognizer.utterances[-1].sound) == pytest.approx(3000, abs=60)
        assert play.transcripts() == ["where is the key and what day is it"]
        assert play.last(ReplyDone).reason == "completed"


async def test_your_turn_comes_after_the_sound_that_was_sent_before_it() -> None:
    recognizer = FakeRecognizer("go on then")
    async with Rehearsal(recognizer=recognizer) as play:
        play.session.audio(frames(LOUD, 1500))
        play.session.handle(Commit())
        await play.quiet(3000)
        assert play.transcripts() == ["go on then"]
        assert loud_ms(recognizer.utterances[0].sound) == pytest.approx(1500, abs=40)


async def test_speech_without_end_is_answered_each_minute_and_kept_no_longer() -> None:
    recognizer = FakeRecognizer("and so on and on")
    async with Rehearsal(recognizer=recognizer) as play:
        await play.speak(10 * 60_000)
        assert 9 <= play.problems().count("utterance_limit") <= 10
        assert set(play.problems()) == {"utterance_limit"}
        longest = max(len(utterance.sound) for utterance in recognizer.utterances)
        assert longest <= 61 * 32_000
        await play.quiet(20_000)
        assert play.last(ReplyDone).reason == "completed"


async def test_sound_that_goes_on_after_commit_costs_nobody_the_message() -> None:
    # A microphone takes a moment to stop; and what follows is the next message.
    async with Rehearsal(spec=SPEC, heard=["the first", "the second"], reply="Yes, {text}.") as play:
        await play.open()
        await play.speak(1000)
        play.session.handle(Commit())
        await play.speak(300)
        play.session.handle(Generate())
        await play.wait(3000)
        assert play.texts() == ["Yes, the first."]
        play.session.handle(Generate())  # the muted microphone has closed the second message
        await play.wait(3000)
        assert play.texts() == ["Yes, the first.", "Yes, the second."]


async def test_two_messages_without_a_question_between_are_answered_as_one() -> None:
    async with Rehearsal(spec=SPEC, heard=["the first", "the second"], reply="{text}") as play:
        await play.open()
        for _ in range(2):
            await play.speak(1000)
            play.session.handle(Commit())
            await play.wait(500)
        play.session.handle(Generate())
        await play.wait(3000)
        assert play.texts() == ["the first the second"]


async def test_a_file_sent_at_once_is_heard_whole() -> None:
    recognizer = FakeRecognizer("all of it")
    async with Rehearsal(spec=SPEC, recognizer=recognizer) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.wait(20)
        for _ in range(4):
            play.session.audio(frames(QUIET, 5000))
        play.session.audio(frames(LOUD, 8000))
        play.session.audio(frames(QUIET, 5000))
        await play.wait(5000)
        assert play.transcripts() == ["all of it"]
        assert loud_ms(recognizer.utterances[0].sound) == 8000
        assert play.last(ReplyDone).reason == "completed"


async def test_a_message_whose_sound_is_not_understood_can_be_sent_again() -> None:
    recognizer = FakeRecognizer("hello", error=BackendError("it broke", code="asr_failed"))
    async with Rehearsal(spec=SPEC, recognizer=recognizer) as play:
        await play.open()
        message = Prefill((ChatMessage("user", ""),), (frames(LOUD, 1000),))
        play.session.handle(message)
        play.session.handle(Generate())
        await play.wait(1000)
        assert play.problems() == ["asr_failed"]
        recognizer.error = None
        play.session.handle(message)
        play.session.handle(Generate())
        await play.wait(3000)
        assert play.last(ReplyDone).reason == "completed"


async def test_a_recognition_that_is_dropped_before_it_could_begin_to_end_is_dropped() -> None:
    recognizer = FakeRecognizer("never mind")
    async with Rehearsal(recognizer=recognizer) as play:
        await play.speak(1000)
        play.session.handle(Commit())
        play.session.handle(UserText("what is this"))  # before the task that asks for the final text has run
        await play.quiet(3000)
        assert [utterance.state for utterance in recognizer.utterances] == ["cancelled"]


async def test_a_turn_for_which_nothing_comes_is_given_up_by_name() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Generate(vad=True))
        await play.wait(62_000)
        assert play.problems() == ["utterance_limit"]
        assert play.local.busy == 0
        play.session.handle(Prefill((ChatMessage("user", "what is this"),)))
        play.session.handle(Generate())
        await play.wait(4000)
        assert play.last(ReplyDone).reason == "completed"


async def test_what_is_sent_while_a_turn_waits_for_its_slot_is_bounded_by_name() -> None:
    async with Rehearsal(spec=SPEC, pool=PoolSettings(slots=1)) as play:
        holder = await play.sessions.open(SessionSpec("holder"), play)
        await play.open()
        for _ in range(EVENTS):
            play.session.handle(Prefill((ChatMessage("user", "x" * 90_000),)))
        with pytest.raises(BadInput, match="free place") as refused:
            play.session.handle(Prefill((ChatMessage("user", "x" * 90_000),)))
        assert refused.value.code == "too_fast"
        for _ in range(200):
            play.session.audio(frames(LOUD, 1000))
        holder.handle(Stop())
        await play.wait(100)
        assert play.last(QueueDone).waited_ms >= 0
        assert not play.session.over


async def test_an_hour_without_a_single_message_ends_with_a_reason() -> None:
    async with Rehearsal() as play:
        await play.wait(61 * 60_000)
        assert play.last(Stopped).reason == "idle"
        assert play.local.busy == 0


async def test_the_wrong_order_is_named_and_changes_nothing() -> None:
    async with Rehearsal(spec=SPEC) as play:
        await play.open()
        play.session.handle(Prefill((ChatMessage("user", "what is this"),)))
        await play.wait(20)
        with pytest.raises(WrongOrder):
            play.session.handle(Commit())
        play.session.handle(Generate())
        with pytest.raises(WrongOrder):
            play.session.handle(Generate())
        await play.wait(4000)
        assert len(play.all(ReplyStarted)) == 1
        assert not play.all(Problem)
