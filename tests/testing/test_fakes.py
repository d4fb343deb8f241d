"""The fakes do what they are told, and keep to the contract of the port they stand for."""

import asyncio

import pytest

from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import ChatMessage, ChatRequest, SpeechRequest, TextDelta, Transcript, WordMark
from vivavoce.testing import conformance
from vivavoce.testing.fakes import FakeLanguageModel, FakeRecognizer, FakeSynthesizer, FakeVad

HELLO = ChatRequest((ChatMessage("user", "hello"),))


def test_vad_keeps_the_contract():
    conformance.check_vad(FakeVad)


async def test_recognizer_keeps_the_contract():
    await conformance.check_recognizer(lambda: FakeRecognizer("good morning", partials=("good", "good morning")))


async def test_language_model_keeps_the_contract():
    await conformance.check_language_model(FakeLanguageModel)


async def test_synthesizer_keeps_the_contract():
    await conformance.check_synthesizer(FakeSynthesizer)


async def test_recognizer_understands_what_it_is_told_one_utterance_after_another():
    recognizer = FakeRecognizer("one", Transcript("two", unsure=True))
    heard = []
    for _ in range(3):
        utterance = recognizer.listen("en")
        utterance.feed(b"\1\0")
        heard.append(await utterance.finish())
    assert [transcript.text for transcript in heard] == ["one", "two", "two"]
    assert heard[1].unsure
    assert [bytes(utterance.sound) for utterance in recognizer.utterances] == [b"\1\0"] * 3


async def test_a_gate_holds_the_answer_back_and_cancel_ends_the_wait():
    recognizer = FakeRecognizer(gate=asyncio.Event())
    utterance = recognizer.listen("en")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_outcome(utterance.finish()))
        await asyncio.sleep(1)
        assert not waiting.done()
        utterance.cancel()
    assert isinstance(waiting.result(), Closed)


async def test_a_gated_model_answers_when_the_gate_opens():
    gate = asyncio.Event()
    model = FakeLanguageModel("well then", gate=gate)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_collect(model.reply(HELLO)))
        await asyncio.sleep(1)
        assert model.running == 1
        gate.set()
    assert [delta.text for delta in reading.result() if isinstance(delta, TextDelta)] == ["well", " then"]
    assert model.running == 0
    assert model.requests == [HELLO]


async def test_synthesizer_marks_each_word_where_it_sounds():
    chunks = await _collect(FakeSynthesizer(rate=8_000, ms_per_character=100).speak(SpeechRequest("hi you")))
    assert [len(chunk.pcm) // 2 for chunk in chunks] == [1600, 2400]
    assert [mark for chunk in chunks for mark in chunk.marks] == [WordMark(0, 0, 2), WordMark(1600, 3, 6)]


async def test_each_fake_fails_as_told():
    broken = BackendError("broken", code="asr_failed")
    utterance = FakeRecognizer(error=broken).listen("en")
    assert await conformance.check_failure(utterance.finish(), "asr_failed") is broken
    for items in (
        FakeLanguageModel(error=broken).reply(HELLO),
        FakeSynthesizer(error=broken).speak(SpeechRequest("a")),
    ):
        with pytest.raises(BackendError):
            await _collect(items)


async def _collect(items):
    return [item async for item in items]


async def _outcome(work):
    try:
        return await work
    except (Closed, BackendError) as error:
        return error
