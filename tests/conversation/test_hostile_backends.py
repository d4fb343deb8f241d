"""Back-ends that raise, hang, or never end, before and after their first output, behind the product's own wrappers.

Each gives its named error or its limit, frees everything, and the next turn works.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from vivavoce.conversation.inputs import Interrupt, Stop, UserText
from vivavoce.conversation.outputs import Problem, ReplyDone, ReplyStarted
from vivavoce.errors import BackendError
from vivavoce.inference.backends.scripted import (
    Fault,
    ScriptedModel,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedVad,
)
from vivavoce.inference.policies import Measured
from vivavoce.inference.ports import (
    ChatDelta,
    ChatRequest,
    LanguageModelCapabilities,
    SpeechChunk,
    SpeechRequest,
    SynthesizerCapabilities,
    TextDelta,
    ToolCall,
    Voice,
)
from vivavoce.inference.wrappers import sturdy_model, sturdy_recognizer, sturdy_synthesizer
from vivavoce.testing.rehearsal import Rehearsal

LONG = "One two three four five six. " * 6


class Deaf:
    """Hears of every request and keeps nothing."""

    def measured(self, request: Measured) -> None:
        pass


async def running(play: Rehearsal) -> list[str]:
    """Tasks of replies and recognitions that are left."""
    await asyncio.sleep(0.1)
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(("reply", "settle", "prefill"))]


@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize(
    ("kind", "problems", "reason"),
    [("raise", ["llm_failed"], "failed"), ("hang", ["llm_failed"], "failed"), ("endless", ["reply_limit"], "limit")],
)
async def test_a_language_model(kind, problems, reason, after: int) -> None:
    model = ScriptedModel("Well, this is what I think of it", fault=Fault(kind, after=after))
    play = Rehearsal(model=sturdy_model(model, Deaf()), reply_limit_ms=20_000)
    async with play:
        play.session.handle(UserText("what is this"))
        await play.quiet(60_000)
        assert play.problems() == problems
        assert play.last(ReplyDone).reason == reason
        assert play.texts()[0], "something is said in any case"
        assert await running(play) == []
        play.session.handle(UserText("set the volume to thirty percent"))
        await play.quiet(6000)
        assert play.last(ReplyDone).reason == "completed"


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(
    ("kind", "problems", "reason"),
    [("raise", ["tts_failed"], "failed"), ("hang", ["tts_failed"], "failed"), ("endless", ["reply_limit"], "limit")],
)
async def test_a_synthesizer(kind, problems, reason, after: int) -> None:
    voice = ScriptedSynthesizer(rate=16_000, fault=Fault(kind, after=after))
    async with Rehearsal(reply=LONG, synthesizer=sturdy_synthesizer(voice, Deaf()), reply_limit_ms=20_000) as play:
        play.session.handle(UserText("what is this"))
        await play.quiet(40_000)
        assert play.problems() == problems
        assert play.last(ReplyDone).reason == reason
        assert play.sound(1) <= 20 * 16_000
        assert await running(play) == []
        assert not play.session.over


@pytest.mark.parametrize("kind", ["raise", "hang", "endless"])
async def test_a_recogniser(kind) -> None:
    recognizer = sturdy_recognizer(ScriptedRecognizer("hello you there", fault=Fault(kind)), Deaf())
    async with Rehearsal(recognizer=recognizer) as play:
        await play.speak(1000)
        await play.quiet(10_000)
        assert play.problems() == ["asr_failed"]
        assert not play.all(ReplyStarted)
        assert await running(play) == []
        play.session.handle(UserText("what is this"))
        await play.quiet(5000)
        assert play.last(ReplyDone).reason == "completed"


async def test_a_voice_detector_that_fails_is_stood_in_for() -> None:
    async with Rehearsal(vad=ScriptedVad(error=BackendError("no model"))) as play:
        await play.speak(1000)
        await play.quiet(6000)
        assert play.transcripts() == ["what is this"]
        assert play.last(ReplyDone).reason == "completed"


@pytest.mark.parametrize("state", ["thinking", "speaking"])
@pytest.mark.parametrize("leave", [Interrupt(), Stop(), UserText("something else")])
async def test_whoever_hangs_is_let_go_when_nobody_wants_the_answer_any_more(state: str, leave) -> None:
    fault = Fault("hang", after=0 if state == "thinking" else 12)
    async with Rehearsal(model=ScriptedModel(LONG, fault=fault)) as play:
        play.session.handle(UserText("tell me all"))
        await play.quiet(3000)
        before = await running(play)
        assert before
        play.session.handle(leave)
        left = await running(play)
        assert not set(before) & set(left)


class Speaks:
    """A synthesizer that gives what it is told to."""

    capabilities = SynthesizerCapabilities("strange", 16_000, (Voice("en", "en"),))

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        for piece in self._pieces:
            yield SpeechChunk(piece)


async def test_half_a_sample_of_a_synthesizer_fails_the_reply_and_not_the_session() -> None:
    async with Rehearsal(synthesizer=Speaks(bytes(640), bytes(641))) as play:
        play.session.handle(UserText("what is this"))
        await play.quiet(3000)
        assert play.problems() == ["tts_failed"]
        assert play.last(ReplyDone).reason == "failed"
        assert not play.session.over


async def test_an_hour_of_sound_in_one_piece_is_cut_at_the_limit_of_a_reply() -> None:
    async with Rehearsal(synthesizer=Speaks(bytes(3600 * 32_000)), reply_limit_ms=30_000) as play:
        play.session.handle(UserText("what is this"))
        await play.quiet(40_000)
        assert play.last(ReplyDone).reason == "limit"
        assert play.sound(1) == 30 * 16_000
        assert play.problems() == ["reply_limit"]


async def test_an_hour_of_sound_in_one_piece_is_not_made_ready_at_once() -> None:
    async with Rehearsal(synthesizer=Speaks(bytes(3600 * 32_000)), reply_limit_ms=3_600_000) as play:
        play.session.handle(UserText("what is this"))
        await play.quiet(30_000)
        assert play.sound(1) == pytest.approx(30 * 16_000, abs=16_000)
        play.session.handle(Interrupt())
        await play.quiet(1000)
        assert play.last(ReplyDone).reason == "stopped"
        assert await running(play) == []


async def test_a_synthesizer_without_a_sound_loses_no_words() -> None:
    async with Rehearsal(synthesizer=Speaks(), reply="This is a reply.") as play:
        play.session.handle(UserText("what is this"))
        await play.quiet(3000)
        assert play.heard_texts() == ["This is a reply."]


class Tooler:
    """A model that asks for tools: for ever one after another, or without end in one answer."""

    capabilities = LanguageModelCapabilities("tooler", tools=True)

    def __init__(self, calls: Sequence[ToolCall], *, endless: bool = False) -> None:
        self.rounds = 0
        self.given = 0
        self._calls = calls
        self._endless = endless

    async def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.rounds += 1
        if self.rounds > 1 and len(self._calls) > 1:
            yield TextDelta("All set.")
            return
        for call in self._calls:
            yield call
        while self._endless:
            self.given += 1
            yield self._calls[0]
            await asyncio.sleep(0)


TIME = ToolCall("c", "current_time", {})


@pytest.mark.parametrize("endless", [False, True])
async def test_a_model_that_calls_tools_for_ever_has_no_hands(endless: bool) -> None:
    model = Tooler([TIME], endless=endless)
    async with Rehearsal(model=model) as play:
        play.session.handle(UserText("please do something for me"))
        await play.quiet(6000)
        assert play.problems() == ["llm_failed"]
        assert play.last(ReplyDone).reason == "failed"
        assert model.rounds <= 6
        assert model.given <= 6
        assert play.texts() == ["Sorry, I could not think of an answer just now."]


async def test_two_timers_of_one_answer_both_ring() -> None:
    calls = [ToolCall("a", "timer_set", {"minutes": 1}), ToolCall("b", "timer_set", {"minutes": 2})]
    async with Rehearsal(model=Tooler(calls), heard="wake me up twice would you") as play:
        await play.speak(1000)
        await play.quiet(5000)
        assert play.texts() == ["All set."]
        assert len(play.session.memory.timers) == 2
        await play.quiet(130_000)
        assert len(play.texts()) == 3
        assert not play.session.memory.timers


async def test_nothing_of_an_answer_is_done_after_its_reply_has_ended() -> None:
    class Late:
        capabilities = LanguageModelCapabilities("late", tools=True)

        async def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
            yield TextDelta("This is a long first sentence. ")
            await asyncio.sleep(30)
            yield ToolCall("v", "volume_set", {"percent": 10})

    voice = ScriptedSynthesizer(rate=16_000, fault=Fault("raise", after=2))
    async with Rehearsal(model=Late(), synthesizer=voice) as play:
        play.session.handle(UserText("please tell me something"))
        await play.quiet(40_000)
        assert [problem.code for problem in play.all(Problem)] == ["tts_failed"]
        assert play.last(ReplyDone).reason == "failed"
        assert play.session.memory.volume == 100
