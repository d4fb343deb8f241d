"""Scripted models keep their script: the words, the order, the times; and they fail on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import numpy as np
import pytest

from vivavoce.aio import now
from vivavoce.audio.pcm import INPUT_RATE, ms, silence, view
from vivavoce.errors import BackendError, Closed, ConfigError
from vivavoce.inference.backends.scripted import (
    Fault,
    ScriptedModel,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedVad,
)
from vivavoce.inference.ports import (
    ChatMessage,
    ChatRequest,
    SpeechRequest,
    TextDelta,
    ToolCall,
    Transcript,
    Usage,
    WordMark,
)
from vivavoce.testing import conformance

T = TypeVar("T")
SECOND = silence(1000, INPUT_RATE)


async def timed(stream: AsyncIterator[T]) -> list[tuple[int, T]]:
    """Each piece with the virtual ms at which it came."""
    began = now()
    return [(round((now() - began) * 1000), piece) async for piece in stream]


def asks(*said: str, extra: tuple[ChatMessage, ...] = ()) -> ChatRequest:
    return ChatRequest(tuple(ChatMessage("user", text) for text in said) + extra)


# ── voice activity ────────────────────────────────────────────────────────────────────────────────


def test_loud_windows_are_speech_and_quiet_ones_are_not() -> None:
    vad = ScriptedVad(loud=300)
    windows = np.stack([np.full(512, 299, np.int16), np.full(512, -301, np.int16)])
    assert vad.score(windows, [vad.start(), vad.start()]) == [0.0, 1.0]


def test_a_vad_told_to_fail_fails() -> None:
    vad = ScriptedVad(error=BackendError("no"))
    with pytest.raises(BackendError):
        vad.score(np.zeros((1, 512), np.int16), [vad.start()])


# ── recognition ───────────────────────────────────────────────────────────────────────────────────


async def test_the_text_comes_its_delay_after_the_end() -> None:
    recognition = ScriptedRecognizer("hello there", delay_s=0.1).listen("en")
    recognition.feed(SECOND)
    assert await recognition.finish() == Transcript("hello there")
    assert now() == pytest.approx(0.1)


async def test_partials_grow_word_by_word_over_the_sound() -> None:
    heard: list[str] = []
    recognition = ScriptedRecognizer("what time 几点，了", word_s=0.25).listen("en", heard.append)
    recognition.feed(silence(249, INPUT_RATE))
    assert heard == []
    recognition.feed(SECOND)
    assert heard == ["what", "what time", "what time 几", "what time 几点，"]
    recognition.feed(SECOND)
    assert heard[-1] == "what time 几点，了"
    assert len(heard) == 5


async def test_texts_come_in_order_and_round_and_a_cancelled_utterance_uses_none() -> None:
    recognizer = ScriptedRecognizer(["one", Transcript("two", unsure=True)])
    recognizer.listen("en").cancel()
    said = []
    for _ in range(3):
        said.append(await recognizer.listen("en").finish())
    assert said == [Transcript("one"), Transcript("two", unsure=True), Transcript("one")]


async def test_cancelling_ends_a_finish_that_waits() -> None:
    recognizer = ScriptedRecognizer(["one", "two"], delay_s=5)
    recognition = recognizer.listen("en")
    asyncio.get_running_loop().call_later(1, recognition.cancel)
    with pytest.raises(Closed):
        await recognition.finish()
    recognition.cancel()
    assert now() == pytest.approx(1)
    assert (await recognizer.listen("en").finish()).text == "one"


async def test_nothing_is_taken_after_the_end() -> None:
    recognition = ScriptedRecognizer("x").listen("en")
    await recognition.finish()
    with pytest.raises(Closed):
        recognition.feed(SECOND)
    with pytest.raises(Closed):
        await recognition.finish()


async def test_recognition_fails_as_told() -> None:
    with pytest.raises(BackendError) as caught:
        await ScriptedRecognizer("x", fault=Fault("raise")).listen("en").finish()
    assert caught.value.code == "asr_failed"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ScriptedRecognizer("x", fault=Fault("hang")).listen("en").finish(), 60)
    partials: list[str] = []
    endless = ScriptedRecognizer("x", fault=Fault("endless")).listen("en", partials.append)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endless.finish(), 1.05)
    assert len(partials) == 10


# ── language models ───────────────────────────────────────────────────────────────────────────────


async def test_words_come_at_their_times_and_make_the_text_again() -> None:
    pieces = await timed(ScriptedModel("It is  noon，你好。", first_token_s=0.1, per_token_s=0.01).reply(asks("when")))
    assert pieces == [
        (100, TextDelta("It")),
        (110, TextDelta(" is")),
        (120, TextDelta("  noon，")),
        (130, TextDelta("你")),
        (140, TextDelta("好。")),
        (140, Usage(1, 0, 5)),
    ]


async def said_by(model: ScriptedModel, request: ChatRequest) -> str:
    return "".join([piece.text async for piece in model.reply(request) if isinstance(piece, TextDelta)])


async def test_the_nth_message_gets_the_nth_reply_however_often_it_is_prepared() -> None:
    model = ScriptedModel(["first", "second {text}"])
    assert await said_by(model, asks("a")) == "first"
    assert await said_by(model, asks("a")) == "first"
    assert await said_by(model, asks("a", "b")) == "second b"
    assert await said_by(model, asks("a", "b", "c")) == "first"


async def test_a_tool_call_ends_its_round() -> None:
    call = ToolCall("1", "time", {})
    model = ScriptedModel(("Let me see.", call, "It is noon."))
    first = [piece async for piece in model.reply(asks("when")) if not isinstance(piece, Usage)]
    assert first[-1] == call
    results = (ChatMessage("assistant", "Let me see.", tool_calls=(call,)), ChatMessage("tool", "12", tool_call_id="1"))
    assert await said_by(model, asks("when", extra=results)) == "It is noon."


async def test_closing_a_reply_stops_it() -> None:
    stream = ScriptedModel("one two three").reply(asks("x"))
    assert await anext(stream) == TextDelta("one")
    await stream.aclose()  # type: ignore[attr-defined]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_the_model_fails_as_told() -> None:
    stream = ScriptedModel("one two", fault=Fault("raise", after=1)).reply(asks("x"))
    assert await anext(stream) == TextDelta("one")
    with pytest.raises(BackendError) as caught:
        await anext(stream)
    assert caught.value.code == "llm_failed"
    own = ScriptedModel(fault=Fault("raise", error=RuntimeError("bug"))).reply(asks("x"))
    with pytest.raises(RuntimeError):
        await anext(own)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(timed(ScriptedModel(fault=Fault("hang")).reply(asks("x"))), 60)
    count = 0
    async for _ in ScriptedModel("one", per_token_s=0, fault=Fault("endless", after=1)).reply(asks("x")):
        count += 1
        if count == 10_000:
            break
    assert count == 10_000


# ── speech ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_frame_is_short_and_the_rest_comes_faster_than_real_time() -> None:
    speech = ScriptedSynthesizer(first_frame_s=0.05, speed=5, clause_s=1.5, rate=16_000)
    chunks = await timed(speech.speak(SpeechRequest("The train leaves at noon.")))
    lengths = [ms(len(chunk.pcm) // 2, 16_000) for _, chunk in chunks]
    assert lengths == [20, *[100] * 14, 80]
    assert [at for at, _ in chunks][:3] == [50, 70, 90]
    assert chunks[-1][0] == 50 + (1500 - 20) // 5


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_the_tone_has_no_seam_and_is_shared(rate: int) -> None:
    speech = ScriptedSynthesizer(clause_s=2.0, rate=rate)
    first = [chunk.pcm async for chunk in speech.speak(SpeechRequest("x"))]
    again = [chunk.pcm async for chunk in speech.speak(SpeechRequest("y"))]
    assert all(one is other for one, other in zip(first, again, strict=True))
    wave = view(b"".join(first)).astype(int)
    assert len(wave) == 2 * rate
    assert np.abs(np.diff(wave)).max() <= 6000 * 2 * np.pi * 220 / rate + 1
    assert wave.max() > 5900


async def test_words_are_spread_evenly_and_come_with_their_sound() -> None:
    text = "one two 三四"
    speech = ScriptedSynthesizer(character_s=0.1, rate=16_000, tone_hz=0)
    at = 0
    marks: list[WordMark] = []
    async for chunk in speech.speak(SpeechRequest(text, speed=2.0)):
        stop = at + len(chunk.pcm) // 2
        assert not any(chunk.pcm)
        for mark in chunk.marks:
            assert isinstance(mark, WordMark)
            assert at <= mark.at < stop
            marks.append(mark)
        at = stop
    assert at == len(text) * 1600 // 2
    assert [text[mark.start : mark.stop] for mark in marks] == ["one", "two", "三", "四"]
    assert [mark.at for mark in marks] == [0, at // 4, at // 2, at * 3 // 4]


async def test_nothing_to_say_is_no_sound() -> None:
    assert [chunk async for chunk in ScriptedSynthesizer(clause_s=1).speak(SpeechRequest("  "))] == []


async def test_speech_fails_as_told() -> None:
    stream = ScriptedSynthesizer(fault=Fault("raise", after=2)).speak(SpeechRequest("hello"))
    await anext(stream)
    await anext(stream)
    with pytest.raises(BackendError) as caught:
        await anext(stream)
    assert caught.value.code == "tts_failed"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(timed(ScriptedSynthesizer(fault=Fault("hang")).speak(SpeechRequest("x"))), 60)
    seconds = 0.0
    async for chunk in ScriptedSynthesizer(fault=Fault("endless")).speak(SpeechRequest("x")):
        seconds += len(chunk.pcm) / 2 / 24_000
        if seconds > 600:
            break
    assert now() > 100


def test_an_empty_script_is_refused() -> None:
    with pytest.raises(ConfigError):
        ScriptedRecognizer(())
    with pytest.raises(ConfigError):
        ScriptedModel([])


async def test_all_keep_their_contracts() -> None:
    conformance.check_vad(ScriptedVad)
    await conformance.check_recognizer(lambda: ScriptedRecognizer("hello there"))
    await conformance.check_language_model(lambda: ScriptedModel("You said {text}"))
    await conformance.check_synthesizer(ScriptedSynthesizer)
