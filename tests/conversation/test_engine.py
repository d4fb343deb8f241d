"""Whole conversations with scripted models in virtual time: what a client sees, and what becomes history."""

from __future__ import annotations

import asyncio

import pytest

from vivavoce.conversation.inputs import Commit, Interrupt, Pause, Played, Stop, Unpause, UserText
from vivavoce.conversation.outputs import (
    Duck,
    Flush,
    Paused,
    Prepared,
    Problem,
    Queued,
    QueueDone,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    Resumed,
    StateChanged,
    Stopped,
    TurnMetrics,
)
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused
from vivavoce.inference.backends.scripted import (
    Fault,
    ScriptedModel,
    ScriptedRecognizer,
    ScriptedSynthesizer,
)
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import Rehearsal

LONG = "One two three four five six. " * 6


async def test_a_turn_from_the_first_sound_to_the_last() -> None:
    async with Rehearsal(heard="what is this", reply="This is a reply.") as play:
        await play.quiet(500)
        await play.speak(1000)
        await play.quiet(6000)
        assert play.transcripts() == ["what is this"]
        assert play.texts() == ["This is a reply."]
        assert play.last(ReplyDone) == ReplyDone(1, "completed", play.last(ReplyDone).heard_ms, "This is a reply.")
        assert play.story() == ["ReplyStarted", "ReplyDone"]
        assert play.speaker.gaps == play.speaker.twice == play.speaker.stale == 0
        states = [change.state for change in play.all(StateChanged)]
        assert states == ["listening", "thinking", "synthesising", "speaking", "listening"]


async def test_the_first_sound_leaves_before_the_steps_one_after_another_could_have_made_it() -> None:
    # 300 ms of silence + 100 ms recognition + 170 ms first clause + 50 ms synthesis = 620 ms one after another.
    words = "The train to the harbour leaves at noon. You can buy a ticket at the station before you board it."
    async with Rehearsal(heard="when does the morning train to the harbour leave today", reply=words) as play:
        await play.speak(1000)
        await play.quiet(3000)
        assert play.when(ReplyAudio) == pytest.approx(1.0 + 0.42, abs=0.06)
        metrics = play.last(TurnMetrics)
        assert metrics.response_ms < 520
        stages = {stage.name: stage for stage in metrics.stages}
        assert stages["llm"].start < stages["endpoint"].end, "the model was asked before the turn was committed"


async def test_a_false_interruption_loses_no_sample() -> None:
    # The scripted recogniser hears «mhm» in the second utterance.
    async with Rehearsal(heard=["tell me all", "mhm"], reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2000)
        await play.speak(200)
        await play.quiet(12_000)
        assert play.story() == ["ReplyStarted", "Duck", "Hold", "Release", "Duck", "ReplyDone"]
        assert play.last(ReplyDone).reason == "completed"
        assert play.heard_texts() == [LONG.strip()]
        assert play.speaker.gaps == play.speaker.twice == 0
        assert play.speaker.received == play.sound(1)


async def test_words_over_a_reply_stop_it_and_only_what_was_heard_is_history() -> None:
    async with Rehearsal(heard=["tell me all", "no that is wrong"], reply=[LONG, "All right then."]) as play:
        await play.speak(1000)
        await play.quiet(3000)
        began = play.when(ReplyAudio)
        await play.speak(1000)
        stopped = play.when(Flush)
        await play.quiet(6000)
        first, second = play.all(ReplyDone)
        assert first.reason == "interrupted"
        assert LONG.startswith(first.heard_text)
        assert first.heard_text != LONG.strip()
        assert 0 < first.heard_ms <= (stopped - began) * 1000 + 20
        assert second.heard_text == "All right then."
        assert play.speaker.stale == 0, "nothing of an old reply after its flush"
        history = play.session.messages()
        assert [message.text for message in history] == [
            "tell me all",
            first.heard_text + "—",
            "no that is wrong",
            "All right then.",
        ]


async def test_words_that_the_reply_has_not_said_yet_are_no_echo_of_it() -> None:
    reply = "I know only a few things. " * 4 + "Say, for example, tell me the time of day."
    async with Rehearsal(heard=["tell me all", "tell me the time of day"], reply=[reply, "It is noon."]) as play:
        await play.speak(1000)
        await play.quiet(2000)
        await play.speak(1500)
        await play.quiet(6000)
        assert play.all(ReplyDone)[0].reason == "interrupted"
        assert play.transcripts() == ["tell me all", "tell me the time of day"]


async def test_the_replys_own_words_coming_back_stop_nothing() -> None:
    reply = "The train to the harbour leaves at noon from the third platform. " * 3
    async with Rehearsal(heard=["tell me all", "the train to the harbour leaves"], reply=reply) as play:
        await play.speak(1000)
        await play.quiet(2500)
        await play.speak(1500)
        await play.quiet(20_000)
        assert [done.reason for done in play.all(ReplyDone)] == ["completed"]


async def test_barge_in_is_quick() -> None:
    async with Rehearsal(heard=["tell me all", "no that is wrong"], reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(3000)
        begins = asyncio.get_running_loop().time()
        sent_before = len(play.all(ReplyAudio))
        await play.speak(1000)
        assert play.when(Duck) - begins <= 0.080
        late = [s.at for s in play.said[sent_before:] if isinstance(s.output, ReplyAudio) and s.at > begins]
        assert max(late) - begins <= 0.200


async def test_a_client_that_reports_nothing_is_estimated() -> None:
    async with Rehearsal(reply=LONG, reports=False) as play:
        await play.speak(1000)
        await play.quiet(20_000)
        assert play.last(ReplyDone).reason == "completed"
        assert play.heard_texts() == [LONG.strip()]


async def test_typing_speaking_and_the_stop_button() -> None:
    async with Rehearsal(reply=LONG) as play:
        play.session.handle(UserText("tell me all"))
        await play.quiet(2000)
        play.session.handle(Interrupt())
        await play.quiet(1000)
        assert play.transcripts() == ["tell me all"]
        assert play.last(ReplyDone).reason == "stopped"
        assert play.last(Flush).reason == "stopped"


async def test_a_lost_connection_goes_on_where_it_was_heard_last() -> None:
    async with Rehearsal(reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2500)
        token = play.last(Prepared).resume
        play.session.detach(play)
        played = play.speaker.played
        await play.wait(5000)
        stranger = [said for said in play.said if isinstance(said.output, ReplyAudio)]
        await play.open(resume=token)
        assert play.last(Prepared).resumed
        assert play.last(Prepared).resume != token, "a resume token is for one use"
        await play.quiet(12_000)
        assert len(play.all(ReplyAudio)) > len(stranger)
        assert play.speaker.played > played
        assert play.speaker.gaps == 0
        assert play.heard_texts() == [LONG.strip()]


async def test_a_lost_client_is_forgotten_after_a_minute() -> None:
    async with Rehearsal() as play:
        play.session.detach(play)
        await play.wait(59_000)
        assert len(play.sessions) == 1
        await play.wait(3000)
        assert len(play.sessions) == 0
        assert play.local.busy == 0


async def test_the_newer_of_two_connections_wins_with_the_token_and_loses_without() -> None:
    async with Rehearsal() as play:
        with pytest.raises(Refused, match="another place") as refused:
            await play.sessions.open(play.spec, play)
        assert refused.value.code == "session_in_use"
        await play.open(resume=play.last(Prepared).resume)
        assert play.problems() == ["replaced"]


async def test_a_paused_session_is_quiet_and_limited() -> None:
    async with Rehearsal(reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2000)
        play.session.handle(Pause())
        before = play.sound(1)
        await play.speak(2000)
        assert play.sound(1) == before
        assert play.all(Paused)
        play.session.handle(Unpause())
        assert play.all(Resumed)
        await play.quiet(12_000)
        assert play.heard_texts() == [LONG.strip()]
        play.session.handle(Pause())
        await play.wait(302_000)
        assert play.last(Stopped).reason == "idle"
        assert len(play.sessions) == 0


async def test_a_client_that_falls_silent_in_mid_utterance_is_answered() -> None:
    async with Rehearsal() as play:
        await play.speak(1000)
        await play.wait(6000)
        assert play.transcripts() == ["what is this"]
        assert play.last(ReplyDone).reason == "completed"


async def test_the_button_commits_without_waiting() -> None:
    async with Rehearsal() as play:
        await play.speak(1000)
        play.session.handle(Commit())
        await play.quiet(400)
        assert play.all(ReplyStarted)


async def test_stop_ends_the_session_and_frees_its_slot() -> None:
    async with Rehearsal(reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2000)
        play.session.handle(Stop())
        assert play.last(Stopped).reason == "stopped"
        assert play.last(ReplyDone).reason == "stopped"
        await play.wait(40)
        assert play.local.busy == 0
        play.session.audio(bytes(640))
        play.session.handle(Played(1, 5.0))


async def test_who_comes_when_all_slots_are_taken_waits_in_line() -> None:
    async with Rehearsal(pool=PoolSettings(slots=1, queue=1)) as play:
        waiting = asyncio.get_running_loop().create_task(play.sessions.open(play.other("second"), play))
        await play.wait(100)
        assert play.last(Queued).position == 1
        with pytest.raises(Refused) as refused:
            await play.sessions.open(play.other("third"), play)
        assert refused.value.code == "queue_full"
        play.session.handle(Stop())
        second = await waiting
        assert play.last(QueueDone).waited_ms >= 100
        second.handle(Stop())


async def test_leaving_the_queue_gives_the_place_back() -> None:
    async with Rehearsal(pool=PoolSettings(slots=1)) as play:
        waiting = asyncio.get_running_loop().create_task(play.sessions.open(play.other("second"), play))
        await play.wait(100)
        waiting.cancel()
        await play.wait(100)
        assert play.local.waiting == 0
        assert len(play.sessions) == 1


async def test_a_model_that_fails_is_told_and_says_one_sentence() -> None:
    async with Rehearsal(model=ScriptedModel("never", fault=Fault("raise"))) as play:
        await play.speak(1000)
        await play.quiet(5000)
        assert play.problems() == ["llm_failed"]
        assert play.last(ReplyDone).reason == "failed"
        assert play.texts() == ["Sorry, I could not think of an answer just now."]


async def test_a_voice_that_fails_is_told() -> None:
    async with Rehearsal(synthesizer=ScriptedSynthesizer(fault=Fault("raise", after=2), rate=16_000)) as play:
        await play.speak(1000)
        await play.quiet(5000)
        assert play.problems() == ["tts_failed"]
        assert play.last(ReplyDone).reason == "failed"


async def test_a_recogniser_that_fails_is_told_and_the_next_turn_works() -> None:
    async with Rehearsal(recognizer=ScriptedRecognizer("hello you", fault=Fault("raise"))) as play:
        await play.speak(1000)
        await play.quiet(3000)
        assert play.problems() == ["asr_failed"]
        play.session.handle(UserText("what is this"))
        await play.quiet(4000)
        assert play.last(ReplyDone).reason == "completed"


async def test_a_reply_has_a_limit() -> None:
    async with Rehearsal(model=ScriptedModel("word " * 50, fault=Fault("endless")), reply_limit_ms=8000) as play:
        await play.speak(1000)
        await play.quiet(20_000)
        assert play.last(ReplyDone).reason == "limit"
        assert "reply_limit" in play.problems()
        assert play.last(ReplyDone).heard_ms == pytest.approx(8000, abs=2500)


async def test_a_timer_rings_aloud() -> None:
    async with Rehearsal(heard="set a timer for one minute") as play:
        await play.speak(1000)
        await play.quiet(70_000)
        assert len(play.texts()) == 2
        assert "timer" in play.texts()[1].lower()
        assert play.all(ReplyStarted)[1].turn == 0


async def test_nothing_with_an_effect_happens_before_the_turn_is_committed() -> None:
    async with Rehearsal(heard="set the volume to thirty percent") as play:
        await play.speak(1000)
        await play.quiet(200)
        assert play.session.memory.volume == 100, "prepared, not committed"
        await play.quiet(3000)
        assert play.session.memory.volume == 30


async def test_draining_lets_replies_finish_and_tells_everybody() -> None:
    async with Rehearsal(reply="This is a reply.") as play:
        await play.speak(1000)
        await play.quiet(1000)
        draining = asyncio.get_running_loop().create_task(play.sessions.drain(30))
        await play.quiet(5000)
        await draining
        assert play.last(ReplyDone).reason == "completed"
        assert play.problems() == ["restarting"]
        with pytest.raises(Refused) as refused:
            await play.sessions.open(play.other("new"), play)
        assert refused.value.code == "draining"


async def test_a_quiet_room_waits_for_its_timer() -> None:
    async with Rehearsal(heard="set a timer for forty five minutes") as play:
        await play.speak(1000)
        await play.quiet(46 * 60_000)
        assert "timer" in play.texts()[-1].lower()
        assert len(play.all(ReplyStarted)) == 2
        await play.quiet(31 * 60_000)
        assert play.last(Stopped).reason == "idle"


async def test_spoken_chinese_without_a_recogniser_is_told_once_and_typing_works() -> None:
    deaf = ScriptedRecognizer("hello", languages=("en",))
    async with Rehearsal(spec=SessionSpec("zh", language="zh", output_rate=16_000), recognizer=deaf) as play:
        for _ in range(3):
            await play.speak(1000)
            await play.quiet(1000)
        assert play.problems() == ["asr_failed"]
        play.session.handle(UserText("几点了"))
        await play.quiet(5000)
        assert play.last(ReplyDone).reason == "completed"


async def test_who_pauses_in_mid_sentence_is_not_answered() -> None:
    async with Rehearsal() as play:
        await play.speak(1000)
        play.session.handle(Pause())
        await play.wait(5000)
        assert not play.all(ReplyStarted)


async def test_a_drain_does_not_wait_for_who_is_not_there() -> None:
    async with Rehearsal(reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2000)
        play.session.detach(play)
        began = asyncio.get_running_loop().time()
        await play.sessions.drain(30)
        assert asyncio.get_running_loop().time() - began < 1


async def test_after_a_resume_the_client_is_told_what_is_going_on() -> None:
    async with Rehearsal(heard=["tell me all", "mhm"], reply=LONG) as play:
        await play.speak(1000)
        await play.quiet(2000)
        token = play.last(Prepared).resume
        before = len(play.said)
        play.session.detach(play)
        await play.open(resume=token)
        told = [said.output for said in play.said[before:]]
        assert isinstance(told[0], Prepared)
        assert StateChanged("speaking") in told


async def test_an_hour_of_silence_ends_with_a_reason() -> None:
    async with Rehearsal() as play:
        await play.quiet(31 * 60_000)
        assert play.last(Stopped).reason == "idle"
        assert len(play.sessions) == 0


async def test_a_fault_in_one_session_ends_only_that_one() -> None:
    class Broken:
        async def answer(self, question: object):
            yield "Well, "
            raise ZeroDivisionError

    async with Rehearsal(responder=Broken()) as play:
        other = await play.sessions.open(play.other("other"), play)
        play.session.handle(UserText("what is this"))
        await play.wait(1000)
        assert play.last(Problem).code == "internal"
        assert len(play.sessions) == 1
        assert not other.over
