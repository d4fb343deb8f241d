"""A suite is worth what it catches: each of these back-ends breaks one clause, and the suite says which."""

import asyncio

import pytest

from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import SpeechChunk, TextDelta, ToolCall, Transcript, Usage, WordMark
from vivavoce.testing import conformance
from vivavoce.testing.fakes import FakeLanguageModel, FakeRecognition, FakeRecognizer, FakeSynthesizer, FakeVad


class MixingVad(FakeVad):
    def score(self, windows, states):
        return [max(super().score(windows, states), default=0.0)] * len(windows)


class LoudVad(FakeVad):
    def score(self, windows, states):
        return [2.0] * len(windows)


@pytest.mark.parametrize(("vad", "clause"), [(MixingVad, "must not change each other"), (LoudVad, "no probability")])
def test_vad_suite_catches(vad, clause):
    with pytest.raises(AssertionError, match=clause):
        conformance.check_vad(vad)


class Careless(FakeRecognition):
    """Takes sound at any time."""

    def feed(self, pcm):
        self.state = "listening"


class Deaf(FakeRecognition):
    """Cannot be cancelled."""

    def cancel(self):
        if self.state == "listening":
            raise RuntimeError("not yet finished")


class Certain(FakeRecognition):
    async def finish(self):
        await super().finish()
        return Transcript("hello", confidence=100)


class Late(FakeRecognition):
    """Tells a partial result after the final one."""

    async def finish(self):
        asyncio.get_running_loop().call_soon(self._on_partial or (lambda text: None), "late")
        return await super().finish()


@pytest.mark.parametrize(
    ("utterance", "clause"),
    [
        (Careless, "feed after finish"),
        (Deaf, "not yet finished"),
        (Certain, "outside 0–1"),
        (Late, "partial"),
    ],
)
async def test_recognizer_suite_catches(utterance, clause):
    class Broken(FakeRecognizer):
        def listen(self, language, on_partial=None):
            return utterance(self, language, Transcript("hello"), [], on_partial)

    with pytest.raises((AssertionError, RuntimeError), match=clause):
        await conformance.check_recognizer(Broken)


async def test_recognizer_suite_catches_utterances_that_share_their_sound():
    class Shared(FakeRecognizer):
        def listen(self, language, on_partial=None):
            utterance = super().listen(language, on_partial)
            utterance.finish = lambda: said(utterance, self.utterances)
            return utterance

    async def said(utterance, all_of_them):
        if utterance.state != "listening":
            raise Closed("over")
        utterance.state = "finished"
        beside = sum(other.state == "listening" for other in all_of_them)
        return Transcript(f"{beside} beside me")

    with pytest.raises(AssertionError, match="two utterances at a time mix"):
        await conformance.check_recognizer(Shared)


@pytest.mark.parametrize(
    ("deltas", "clause"),
    [
        ([Usage(1, 0, 1), TextDelta("Hello")], "Usage comes once, at the end"),
        ([TextDelta(""), TextDelta("Hello")], "empty TextDelta"),
        ([ToolCall("1", "unlock", {})], "not offered"),
        ([Usage(1, 0, 0)], "reply is empty"),
    ],
)
async def test_model_suite_catches_deltas(deltas, clause):
    with pytest.raises(AssertionError, match=clause):
        await conformance.check_language_model(lambda: FakeLanguageModel(lambda request: deltas))


class Leaky(FakeLanguageModel):
    """Works on in a task that nobody ends."""

    async def reply(self, request):
        self.forever = asyncio.get_running_loop().create_task(asyncio.sleep(3600), name="forever")
        async for delta in super().reply(request):
            yield delta


async def test_model_suite_catches_work_that_goes_on_after_closing():
    models = []
    with pytest.raises(AssertionError, match="left tasks running: forever"):
        await conformance.check_language_model(lambda: models.append(Leaky()) or models[-1])
    for model in models:
        model.forever.cancel()


class Scripted(FakeSynthesizer):
    def __init__(self, *chunks):
        super().__init__()
        self.chunks = chunks

    async def speak(self, request):
        for chunk in self.chunks:
            yield chunk


@pytest.mark.parametrize(
    ("chunks", "clause"),
    [
        ([SpeechChunk(b"123")], "half a sample"),
        ([SpeechChunk(b"")], "empty"),
        ([SpeechChunk(bytes(4), (WordMark(3, 0, 1),))], "outside the 2 samples"),
        ([SpeechChunk(bytes(8), (WordMark(3, 0, 1), WordMark(1, 2, 3)))], "out of order"),
        ([SpeechChunk(bytes(8), (WordMark(0, 5, 900),))], "outside the text"),
        ([SpeechChunk(bytes(8))], "word_times disagree"),
    ],
)
async def test_synthesizer_suite_catches(chunks, clause):
    with pytest.raises(AssertionError, match=clause):
        await conformance.check_synthesizer(lambda: Scripted(*chunks))


async def test_failure_check_wants_the_code_of_the_port():
    model = FakeLanguageModel(error=BackendError("broken"))
    with pytest.raises(AssertionError, match="'internal', not 'llm_failed'"):
        await conformance.check_failure(model.reply(conformance.GREETING), "llm_failed")
    with pytest.raises(AssertionError, match="must raise BackendError"):
        await conformance.check_failure(FakeLanguageModel().reply(conformance.GREETING), "llm_failed")
