"""The offline voice, really spoken: what it says, when which word, how loud, and how it is stopped."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from vivavoce.errors import BackendError
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.espeak.library import BUFFER_MS, RATE, Buffer, Sink, library
from vivavoce.inference.backends.espeak.voices import VOICES, EspeakVoice
from vivavoce.inference.ports import PhonemeMark, SpeechChunk, SpeechRequest, WordMark
from vivavoce.inference.visemes import visemes
from vivavoce.testing import conformance

pytestmark = pytest.mark.journey

PANGRAM = "She sells sea shells, the quick brown fox jumps over a lazy dog! Oh, how very marvellous, thank you."
MANDARIN = "大家好，现在是三点钟。我会提醒你的，请放心！妈妈骂马吗？"

NUMBERS = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10! 1789. 345,678? 99."
"""Every language reads them."""


async def spoken(synthesizer: EspeakSynthesizer, request: SpeechRequest) -> list[SpeechChunk]:
    return [chunk async for chunk in synthesizer.speak(request)]


def sound(chunks: list[SpeechChunk]) -> np.ndarray:
    return np.frombuffer(b"".join(chunk.pcm for chunk in chunks), "<i2").astype(int)


def words(chunks: list[SpeechChunk], text: str) -> list[tuple[str, float]]:
    """Each word marked, with the second at which it begins."""
    marks = [mark for chunk in chunks for mark in chunk.marks if isinstance(mark, WordMark)]
    return [(text[mark.start : mark.stop], mark.at / 22_050) for mark in marks]


def phonemes(chunks: list[SpeechChunk]) -> list[str]:
    return [mark.phoneme for chunk in chunks for mark in chunk.marks if isinstance(mark, PhonemeMark)]


# ── the contract ──────────────────────────────────────────────────────────────────────────────────


async def test_it_keeps_the_contract() -> None:
    await conformance.check_synthesizer(EspeakSynthesizer)
    await conformance.check_synthesizer(
        EspeakSynthesizer,
        SpeechRequest("今天是二零二六年三月十二日，星期四，现在是三点钟。", "zh"),
        SpeechRequest("你好", "zh"),
    )


# ── marks ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Hello, it's 3.5% — naïve café time. “Really?” (Yes!)"),
        ("en", "😀 Meet at 12:45 on 3 March 2026, it costs $1,234.50 etc. and so on"),
        ("zh", "今天是2026年3月12日，星期四。It is Thursday, 好的！"),
        ("zh", "今天好"),
        ("en", "  odd \t spaces\n\nand\x00control\x1bcharacters \ud800 "),
    ],
)
async def test_every_written_word_is_marked_once_in_order(language: str, text: str) -> None:
    chunks = await spoken(EspeakSynthesizer(), SpeechRequest(text, language))
    plain = "".join(character if character.isprintable() else " " for character in text)
    told = words(chunks, plain)
    assert "".join(word for word, _ in told) == "".join(plain.split())
    times = [at for _, at in told]
    assert times == sorted(times)
    assert times[-1] <= len(sound(chunks)) / 22_050


async def test_words_begin_when_they_sound() -> None:
    text = "one, two, three."
    chunks = await spoken(EspeakSynthesizer(), SpeechRequest(text))
    loud = np.abs(sound(chunks)) > 300
    for word, at in words(chunks, text):
        begin = round(at * 22_050)
        assert loud[begin : begin + 22_050 // 6].any(), f"{word} is marked where nothing sounds"
    two = round(words(chunks, text)[1][1] * 22_050)
    assert not loud[two - 1500 : two - 100].any(), "before the second word is the pause of the comma"


async def test_a_word_is_marked_at_its_first_sound() -> None:
    text = "fish, shoe moose (bath) 3.5 kettle"
    chunks = await spoken(EspeakSynthesizer(), SpeechRequest(text))
    marks = [mark for chunk in chunks for mark in chunk.marks]
    sounds = [mark for mark in marks if isinstance(mark, PhonemeMark) and mark.phoneme]
    begin = {
        text[word.start : word.stop]: next(sound.phoneme for sound in sounds if sound.at >= word.at)
        for word in marks
        if isinstance(word, WordMark)
    }
    assert begin == {"fish,": "f", "shoe": "ʃ", "moose": "m", "(bath)": "b", "3.5": "θ", "kettle": "k"}


async def test_phonemes_are_ipa_and_all_have_mouth_shapes() -> None:
    synthesizer = EspeakSynthesizer()
    english = phonemes(await spoken(synthesizer, SpeechRequest(PANGRAM, voice="en-gb")))
    assert english[:4] == ["ʃ", "iː", "s", "ɛ"]
    assert english[-1] == ""
    mandarin = phonemes(await spoken(synthesizer, SpeechRequest(MANDARIN, "zh")))
    assert "tɕh" in mandarin
    without = {phoneme for phoneme in english + mandarin if not visemes(phoneme)}
    assert without <= {"ʔ"}


# ── voices ────────────────────────────────────────────────────────────────────────────────────────


async def test_all_voices_speak_about_as_loud_and_none_clips() -> None:
    synthesizer = EspeakSynthesizer()
    levels = {}
    for voice in synthesizer.capabilities.voices:
        text = {"en": PANGRAM, "zh": MANDARIN}.get(voice.language, NUMBERS)
        wave = sound(await spoken(synthesizer, SpeechRequest(text, voice.language, voice.id)))
        assert np.abs(wave).max() < 28_500, voice.id
        levels[voice.id] = np.sqrt(np.mean(np.square(wave[np.abs(wave) > 200])))
    assert max(levels.values()) < min(levels.values()) * 1.4, levels


async def test_voices_differ_and_an_unknown_one_is_the_languages_own() -> None:
    synthesizer = EspeakSynthesizer()
    request = SpeechRequest("Good morning to you.")
    american, british, unknown = [
        sound(await spoken(synthesizer, replace(request, voice=voice))) for voice in (None, "en-gb", "someone else's")
    ]
    assert abs(len(american) - len(unknown)) < 200
    assert len(american) != len(british)


async def test_chinese_in_an_english_session_is_spoken_in_mandarin() -> None:
    told = phonemes(await spoken(EspeakSynthesizer(), SpeechRequest("好", "en")))
    assert told[:2] == ["χ", "ɑu"]


async def test_a_language_without_a_voice_is_refused() -> None:
    error = await conformance.check_failure(EspeakSynthesizer().speak(SpeechRequest("Saluton", "eo")), "tts_failed")
    assert "'eo'" in error.message


async def test_speed_is_bounded() -> None:
    synthesizer = EspeakSynthesizer()
    lengths = [
        len(sound(await spoken(synthesizer, SpeechRequest("The train leaves at noon today.", speed=speed))))
        for speed in (0.01, 0.5, 1.0, 2.0, 100.0)
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert 1.7 < lengths[2] / lengths[3] < 2.8
    assert lengths[0] < lengths[2] * 3


async def test_a_sentence_ends_in_a_pause_and_a_cut_one_does_not() -> None:
    synthesizer = EspeakSynthesizer()
    tails = []
    for text in ("It is noon.", "It is noon"):
        loud = np.flatnonzero(np.abs(wave := sound(await spoken(synthesizer, SpeechRequest(text)))) > 30)
        tails.append((len(wave) - loud[-1]) / 22.05)
    assert 200 < tails[0] < 400
    assert tails[1] < 50


# ── length, company, the end ──────────────────────────────────────────────────────────────────────


async def test_a_long_text_is_spoken_to_its_end() -> None:
    text = " ".join(f"This is sentence number {number}, and it goes on a little." for number in range(40))
    chunks = await spoken(EspeakSynthesizer(), SpeechRequest(text))
    assert "".join(word for word, _ in words(chunks, text)) == text.replace(" ", "")
    assert len(sound(chunks)) > 100 * 22_050
    times = [at for _, at in words(chunks, text)]
    assert len(set(times)) > 0.9 * len(times), "the words of every piece have times of their own"


def test_the_library_stops_when_nobody_takes_the_sound() -> None:
    taken: list[int] = []

    def sink(buffer: Buffer) -> bool:
        taken.append(len(buffer.pcm) // 2)
        return len(taken) < 3

    library().say(VOICES[0], 1.0, "A very long story, told at length. " * 8, sink)
    assert len(taken) == 3
    assert sum(taken) < 4 * RATE * BUFFER_MS // 1000


async def test_markup_is_read_and_not_obeyed() -> None:
    synthesizer = EspeakSynthesizer()
    plain = sound(await spoken(synthesizer, SpeechRequest("one two")))
    for text in ('one <break time="30s"/> two', "one [[h@'loU]] two", "one \x01100s two"):
        wave = sound(await spoken(synthesizer, SpeechRequest(text)))
        assert len(plain) * 1.1 < len(wave) < 15 * 22_050


async def test_fifty_speak_at_once_and_nobody_waits_for_a_long_text() -> None:
    synthesizer = EspeakSynthesizer()
    finished: list[str] = []

    async def say(name: str, text: str) -> int:
        length = len(sound(await spoken(synthesizer, SpeechRequest(text))))
        finished.append(name)
        return length

    long = "A very long story, told at length. " * 100
    lengths = await asyncio.gather(say("long", long), *(say("short", "Good night.") for _ in range(50)))
    assert finished[-1] == "long"
    assert max(lengths[1:]) - min(lengths[1:]) < 200


class EndlessEngine:
    """An espeak that never comes to an end of "for ever" by itself, and fails at "break"."""

    def __init__(self) -> None:
        self.stopped = 0

    def say(self, voice: EspeakVoice, speed: float, text: str, sink: Sink) -> None:
        if text == "break":
            raise BackendError("broken", code="tts_failed")
        while sink(Buffer(bytes(442), [], [])) and text == "for ever":
            time.sleep(0.001)
        self.stopped += text == "for ever"


async def test_closing_stops_the_worker_at_the_next_buffer() -> None:
    engine = EndlessEngine()
    synthesizer = EspeakSynthesizer(engine)
    speech = synthesizer.speak(SpeechRequest("for ever"))
    await anext(speech)
    waiting = synthesizer.speak(SpeechRequest("for ever"))
    queued = asyncio.gather(anext(waiting))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    await speech.aclose()  # type: ignore[attr-defined]
    assert len(await asyncio.wait_for(spoken(synthesizer, SpeechRequest("next")), 10)) == 1
    assert engine.stopped == 1, "the one that was closed while it waited never began"


async def test_a_failure_is_told_and_the_next_one_speaks() -> None:
    synthesizer = EspeakSynthesizer(EndlessEngine())
    await conformance.check_failure(synthesizer.speak(SpeechRequest("break")), "tts_failed")
    assert await spoken(synthesizer, SpeechRequest("next"))


async def test_too_many_at_once_are_told_so() -> None:
    synthesizer = EspeakSynthesizer()
    open_ = [synthesizer.speak(SpeechRequest("Hello.")) for _ in range(256)]
    for speech in open_:
        await anext(speech)
    with pytest.raises(BackendError, match="too many"):
        await anext(synthesizer.speak(SpeechRequest("Hello.")))
    for speech in open_:
        await speech.aclose()  # type: ignore[attr-defined]
    assert await spoken(synthesizer, SpeechRequest("Hello."))


async def test_after_the_shutdown_nothing_is_spoken() -> None:
    synthesizer = EspeakSynthesizer()
    await spoken(synthesizer, SpeechRequest("Hello."))
    synthesizer.close()
    await conformance.check_failure(synthesizer.speak(SpeechRequest("Hello.")), "tts_failed")


async def test_a_shutdown_is_told_to_those_that_wait() -> None:
    synthesizer = EspeakSynthesizer()
    long = "A very long story, told at length. " * 8
    waiting = asyncio.gather(*(spoken(synthesizer, SpeechRequest(long)) for _ in range(20)), return_exceptions=True)
    await asyncio.sleep(0)
    synthesizer.close()
    refused = [outcome for outcome in await waiting if isinstance(outcome, BaseException)]
    assert refused
    assert all(isinstance(outcome, BackendError) for outcome in refused)


def test_a_loop_that_is_gone_stops_the_worker() -> None:
    synthesizer = EspeakSynthesizer()

    async def vanish() -> None:
        speech = synthesizer.speak(SpeechRequest("A very long story, told at length. " * 100))
        await anext(speech)

    asyncio.run(vanish())
    assert asyncio.run(spoken(synthesizer, SpeechRequest("next")))
