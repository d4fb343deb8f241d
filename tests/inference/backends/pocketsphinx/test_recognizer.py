"""Real recognition in real processes, of speech that the offline voice speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psutil
import pytest
import soxr

from vivavoce.audio.pcm import FRAME_SAMPLES, INPUT_RATE, SAMPLE_BYTES, silence, view
from vivavoce.errors import BackendBusy, BackendError, Closed, ConfigError, VivavoceError
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.pocketsphinx.crew import Crew, Job, Outcome
from vivavoce.inference.backends.pocketsphinx.load import Limits
from vivavoce.inference.backends.pocketsphinx.recognizer import (
    LONGEST,
    PocketsphinxRecognition,
    PocketsphinxRecognizer,
    ReadParts,
    processes,
)
from vivavoce.inference.backends.pocketsphinx.worker import Kind
from vivavoce.inference.grammar import Grammar
from vivavoce.inference.ports import Recognition, SpeechRequest
from vivavoce.testing.conformance import check_recognizer

pytestmark = pytest.mark.journey

GRAMMAR = Grammar(
    "en",
    """#JSGF V1.0; grammar few;
    <number> = two | three | five | ten | twenty;
    public <command> = what time is it | set a timer for <number> minutes | turn the volume up | tell me a joke;
    """,
)
COMMAND = "set a timer for five minutes"
PROSE = "Yesterday evening the children played football in the garden."
PATIENT = Limits(waiting=2, answer_s=60, foreseen_s=60, stuck_s=60)
"""Test machines are busy."""
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES


@pytest.fixture(scope="module")
def recognizer() -> Iterator[PocketsphinxRecognizer]:
    recognizer = PocketsphinxRecognizer(GRAMMAR, 1, PATIENT)
    yield recognizer
    recognizer.close()


@pytest.fixture(scope="module")
def voice() -> Iterator[EspeakSynthesizer]:
    voice = EspeakSynthesizer()
    yield voice
    voice.close()


@pytest.fixture
def fresh() -> Iterator[PocketsphinxRecognizer]:
    """One to be broken."""
    recognizer = PocketsphinxRecognizer(GRAMMAR, 1, PATIENT)
    yield recognizer
    recognizer.close()


async def said(voice: EspeakSynthesizer, text: str) -> bytes:
    """`text` in a quiet room, 16 kHz, with the pauses that the segmenter leaves around it."""
    spoken = b"".join([chunk.pcm async for chunk in voice.speak(SpeechRequest(text))])
    sound = soxr.resample(view(spoken), voice.capabilities.rate, INPUT_RATE)
    padded = np.pad(sound, (INPUT_RATE // 4, INPUT_RATE // 2))
    hiss = np.random.default_rng(3).normal(0, 15, len(padded))
    return (padded + hiss).clip(-32768, 32767).astype("<i2").tobytes()


async def feed(recognition: Recognition, pcm: bytes, frame_s: float = 0.0) -> None:
    for start in range(0, len(pcm), FRAME_BYTES):
        recognition.feed(pcm[start : start + FRAME_BYTES])
        await asyncio.sleep(frame_s)


async def test_a_command(recognizer: PocketsphinxRecognizer, voice: EspeakSynthesizer) -> None:
    await recognizer.warm()
    assert (recognizer.capabilities.conversations or 0) >= 1, "and it is known for how many it will do"
    recognition = recognizer.listen("en")
    await feed(recognition, await said(voice, COMMAND))
    transcript = await recognition.finish()
    assert transcript.text == COMMAND
    assert not transcript.rejected


async def test_other_speech_is_no_command(recognizer: PocketsphinxRecognizer, voice: EspeakSynthesizer) -> None:
    recognition = recognizer.listen("en")
    await feed(recognition, await said(voice, PROSE))
    transcript = await recognition.finish()
    assert transcript.text
    assert "timer" not in transcript.text
    assert not transcript.unsure


class WatchedCrew(Crew):
    """Notes what it is given to do, and how much of it is done."""

    def __init__(self) -> None:
        super().__init__(GRAMMAR.jsgf, 1, PATIENT)
        self.taken: list[Kind] = []
        self.done = 0

    def ask(self, job: Job, *, spare: bool = False) -> bool:
        deliver = job.deliver

        def note(outcome: Outcome) -> None:
            deliver(outcome)
            self.done += 1

        job.deliver = note
        taken = super().ask(job, spare=spare)
        self.taken += [job.kind] * taken
        return taken

    async def warm(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()

        def tell(_: VivavoceError | None) -> None:
            loop.call_soon_threadsafe(ready.set)

        self.start(tell)
        await ready.wait()

    async def rest(self) -> None:
        """Until nothing is left to do; decoding steps back for everything else on this machine, so it may be long."""
        async with asyncio.timeout(60):
            while self.done < len(self.taken):  # noqa: ASYNC110 — the processes tell nobody else
                await asyncio.sleep(0.02)


async def test_partials_come_while_it_is_spoken_and_the_end_finds_it_judged(voice: EspeakSynthesizer) -> None:
    partials: list[str] = []
    crew = WatchedCrew()
    try:
        await crew.warm()
        recognition = PocketsphinxRecognition(crew, ReadParts(), partials.append)
        sound = await said(voice, COMMAND)
        await feed(recognition, sound, 0.02)
        for _ in range(3):
            # A process that was busy all through the pause judges when it has time: the pause goes on.
            await crew.rest()
            await feed(recognition, sound[-5 * FRAME_BYTES :], 0.02)
        await crew.rest()
        await asyncio.sleep(0)
        assert partials[-1] == COMMAND
        asked = len(crew.taken)
        assert (await recognition.finish()).text == COMMAND
        assert len(crew.taken) == asked, "the end asked for more work"
    finally:
        crew.close()


async def test_silence_and_steady_noise_are_nothing(recognizer: PocketsphinxRecognizer) -> None:
    quiet = recognizer.listen("en")
    quiet.feed(silence(2000, INPUT_RATE))
    assert (await quiet.finish()).text == ""
    noisy = recognizer.listen("en")
    await feed(noisy, np.random.default_rng(1).normal(0, 2000, 3 * INPUT_RATE).astype("<i2").tobytes())
    assert (await noisy.finish()).text == ""


async def test_the_suite_of_the_port(recognizer: PocketsphinxRecognizer, voice: EspeakSynthesizer) -> None:
    sounds = await said(voice, "what time is it"), await said(voice, "tell me a joke")
    await check_recognizer(lambda: recognizer, sounds)


async def test_long_speech_is_read_in_parts_and_bounded(
    recognizer: PocketsphinxRecognizer, voice: EspeakSynthesizer
) -> None:
    sentence = await said(voice, PROSE)
    recognition = recognizer.listen("en")
    await feed(recognition, sentence * 4)
    recognition.feed(bytes(LONGEST))
    recognition.feed(bytes(LONGEST))
    transcript = await recognition.finish()
    assert len(transcript.text.split()) > 15
    assert not transcript.unsure


async def test_too_many_at_once_are_refused(recognizer: PocketsphinxRecognizer, voice: EspeakSynthesizer) -> None:
    sound = await said(voice, COMMAND)
    recognitions = [recognizer.listen("en") for _ in range(8)]
    for recognition in recognitions:
        recognition.feed(sound[: -INPUT_RATE * SAMPLE_BYTES // 2])
    outcomes = await asyncio.gather(*(recognition.finish() for recognition in recognitions), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, BackendError)]
    assert 1 <= len(refused) <= 6
    assert {error.code for error in refused} == {"asr_failed"}
    assert all(isinstance(error, BackendBusy) for error in refused)


async def test_a_process_that_dies_fails_its_utterance_and_no_other(
    fresh: PocketsphinxRecognizer, voice: EspeakSynthesizer
) -> None:
    sound = await said(voice, PROSE)
    others = set(psutil.Process().children())
    await fresh.warm()
    (process,) = set(psutil.Process().children()) - others
    unlucky = fresh.listen("en")
    unlucky.feed(sound)
    finishing = asyncio.gather(unlucky.finish(), return_exceptions=True)
    await asyncio.sleep(0)
    process.kill()
    (outcome,) = await finishing
    assert isinstance(outcome, BackendError)
    assert outcome.code == "asr_failed"

    lucky = fresh.listen("en")
    lucky.feed(sound)
    assert (await lucky.finish()).text
    fresh.close()
    assert not psutil.pid_exists(process.pid)
    assert set(psutil.Process().children()) <= others


async def test_a_process_that_hangs_is_replaced_though_nobody_waits_for_it_any_more(voice: EspeakSynthesizer) -> None:
    recognizer = PocketsphinxRecognizer(GRAMMAR, 1, replace(PATIENT, stuck_s=1.0))
    sound = await said(voice, COMMAND)
    others = set(psutil.Process().children())
    await recognizer.warm()
    (process,) = set(psutil.Process().children()) - others
    process.suspend()
    unlucky = recognizer.listen("en")
    unlucky.feed(sound)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(unlucky.finish(), 0.2)
    unlucky.cancel()

    await asyncio.to_thread(process.wait, 30)
    lucky = recognizer.listen("en")
    lucky.feed(sound)
    assert (await lucky.finish()).text == COMMAND
    recognizer.close()
    assert set(psutil.Process().children()) <= others


async def test_who_cannot_be_answered_in_time_is_told_so_and_it_is_no_failure(voice: EspeakSynthesizer) -> None:
    recognizer = PocketsphinxRecognizer(GRAMMAR, 1, Limits(answer_s=0.05))
    await recognizer.warm()
    recognition = recognizer.listen("en")
    recognition.feed(await said(voice, COMMAND))
    with pytest.raises(BackendBusy, match="keep up"):
        await recognition.finish()
    recognizer.close()


async def test_closing_ends_what_is_running(fresh: PocketsphinxRecognizer, voice: EspeakSynthesizer) -> None:
    recognition = fresh.listen("en")
    recognition.feed(await said(voice, COMMAND))
    finishing = asyncio.gather(recognition.finish(), return_exceptions=True)
    await asyncio.sleep(0)
    fresh.close()
    fresh.close()
    (outcome,) = await finishing
    assert isinstance(outcome, Closed | BackendError)
    with pytest.raises(Closed):
        await fresh.warm()


async def test_a_grammar_with_an_unknown_word_is_named() -> None:
    recognizer = PocketsphinxRecognizer(Grammar("en", "#JSGF V1.0; grammar g; public <c> = xylozork;"), size=1)
    with pytest.raises(ConfigError, match="xylozork"):
        await recognizer.warm()
    recognition = recognizer.listen("en")
    recognition.feed(b"\x00\x10" * INPUT_RATE)
    with pytest.raises(BackendError):
        await recognition.finish()
    recognizer.close()


def test_one_core_is_left_to_the_loop() -> None:
    assert [processes(cores) for cores in (1, 2, 4, 64)] == [1, 1, 3, 4]
