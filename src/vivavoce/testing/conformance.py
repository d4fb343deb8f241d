"""What every back-end of a port must keep to, as checks that any test can call with a factory.

    async def test_it_keeps_the_contract():
        await conformance.check_synthesizer(lambda: EspeakSynthesizer(...))

Each check makes its own back-ends with the factory and raises AssertionError with a sentence that says what is
wrong. No check reads a clock or sets a timer: fakes run in virtual time, back-ends with threads in real time.
Which errors may come out is part of each check: those of `vivavoce.errors`, nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import FRAME_SAMPLES, INPUT_RATE, SAMPLE_BYTES, silence
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import (
    ChatDelta,
    ChatMessage,
    ChatRequest,
    LanguageModel,
    PhonemeMark,
    Recognition,
    Recognizer,
    SpeechChunk,
    SpeechRequest,
    Synthesizer,
    TextDelta,
    ToolCall,
    Transcript,
    Usage,
    Vad,
    WordMark,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
GREETING = ChatRequest((ChatMessage("user", "Good morning, what can you do?"),))
QUESTION = ChatRequest((ChatMessage("user", "How many minutes are there in an hour?"),))
LONG_CLAUSE = SpeechRequest("The kettle is on, and it will be ready in five minutes.")
SHORT_CLAUSE = SpeechRequest("Good night.")


class _Closable(Protocol[T_co]):
    """What an iterator of a port must be: one that can be closed early."""

    async def __anext__(self) -> T_co: ...

    async def aclose(self) -> None: ...


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


# ── voice activity ────────────────────────────────────────────────────────────────────────────────


def check_vad(make: Callable[[], Vad]) -> None:
    """Scores are probabilities, one per row; sessions scored together do not mix; states are independent."""
    vad = make()
    can = vad.capabilities
    _require(can.window > 0 and can.rate > 0 and can.batch >= 1, f"impossible capabilities: {can}")
    _require(list(vad.score(np.zeros((0, can.window), np.int16), [])) == [], "no rows must give no scores")

    together = min(can.batch, 3)
    sounds = [_noise(seed, 8 * can.window).reshape(8, can.window) for seed in range(together)]
    alone = [_scores(vad, sound) for sound in sounds]
    for scores in alone:
        _require(all(0.0 <= score <= 1.0 for score in scores), f"a score is no probability: {scores}")
    _require(np.allclose(alone[0], _scores(vad, sounds[0]), atol=1e-3), "a fresh state must give the same scores again")

    states = [vad.start() for _ in range(together)]
    rows = [vad.score(np.stack([sound[step] for sound in sounds]), states) for step in range(8)]
    for index, scores in enumerate(alone):
        mixed = [row[index] for row in rows]
        _require(np.allclose(mixed, scores, atol=1e-2), "sessions scored in one call must not change each other")


def _scores(vad: Vad, windows: npt.NDArray[np.int16]) -> list[float]:
    state = vad.start()
    return [float(vad.score(window[np.newaxis, :], [state])[0]) for window in windows]


def _noise(seed: int, count: int) -> npt.NDArray[np.int16]:
    loudness = 300 * (1 + 10 * seed)
    return (np.random.default_rng(seed).standard_normal(count) * loudness).clip(-32768, 32767).astype(np.int16)


# ── recognition ───────────────────────────────────────────────────────────────────────────────────


async def check_recognizer(
    make: Callable[[], Recognizer], sounds: tuple[bytes, bytes] | None = None, language: str = "en"
) -> None:
    """The whole suite for a recognizer. `sounds`: two different utterances, 16 kHz PCM (by default noise)."""
    first, second = sounds or (_noise(1, INPUT_RATE).tobytes(), _noise(2, INPUT_RATE // 2).tobytes())
    await _partials_come_on_the_loop(make(), first, language)
    await _nothing_is_taken_after_the_end(make(), first, language)
    await _empty_sound_is_an_answer(make(), language)
    await _cancel_is_safe_in_any_state(make(), first, language)
    await _utterances_do_not_mix(make(), first, second, language)


async def _partials_come_on_the_loop(recognizer: Recognizer, sound: bytes, language: str) -> None:
    loop_thread = threading.get_ident()
    partials: list[str] = []
    threads: set[int] = set()

    def on_partial(text: str) -> None:
        partials.append(text)
        threads.add(threading.get_ident())

    recognition = recognizer.listen(language, on_partial)
    await _feed(recognition, sound)
    final = await recognition.finish()
    _check_transcript(final)
    _require(threads <= {loop_thread}, "partial results must be told on the loop's thread")
    _require(all(isinstance(text, str) for text in partials), "a partial result is the whole text so far")
    _require(recognizer.capabilities.partials or not partials, "partial results that the capabilities do not declare")
    told = len(partials)
    await _turn_over()
    _require(len(partials) == told, "no partial result may come after the final one")


async def _nothing_is_taken_after_the_end(recognizer: Recognizer, sound: bytes, language: str) -> None:
    finished = recognizer.listen(language)
    await _feed(finished, sound)
    await finished.finish()
    _raises_closed(lambda: finished.feed(sound[:FRAME_BYTES]), "feed after finish")
    finished.cancel()

    cancelled = recognizer.listen(language)
    cancelled.feed(sound[:FRAME_BYTES])
    cancelled.cancel()
    _raises_closed(lambda: cancelled.feed(sound[:FRAME_BYTES]), "feed after cancel")
    try:
        await cancelled.finish()
    except Closed:
        return
    raise AssertionError("finish after cancel must raise Closed")


async def _empty_sound_is_an_answer(recognizer: Recognizer, language: str) -> None:
    nothing = recognizer.listen(language)
    _check_transcript(await nothing.finish())
    empty = recognizer.listen(language)
    empty.feed(b"")
    empty.feed(silence(20, INPUT_RATE))
    _check_transcript(await empty.finish())


async def _cancel_is_safe_in_any_state(recognizer: Recognizer, sound: bytes, language: str) -> None:
    fresh = recognizer.listen(language)
    fresh.cancel()
    fresh.cancel()

    told_late: list[str] = []
    running = recognizer.listen(language, told_late.append)
    await _feed(running, sound)
    running.cancel()
    told_late.clear()
    await _turn_over()
    _require(not told_late, "no partial result may come after cancel")

    finishing = recognizer.listen(language)
    await _feed(finishing, sound)
    outcome = await _while_running(finishing.finish(), finishing.cancel)
    _require(isinstance(outcome, Transcript | Closed), f"cancel while finishing ended as {outcome!r}")

    abandoned = recognizer.listen(language)
    await _feed(abandoned, sound)
    before = _tasks()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(abandoned.finish(), name="conformance finish")
        await asyncio.sleep(0)
        task.cancel()
    await _gone(before, "a cancelled finish")
    abandoned.cancel()
    again = recognizer.listen(language)
    await _feed(again, sound)
    _check_transcript(await again.finish())


async def _utterances_do_not_mix(recognizer: Recognizer, first: bytes, second: bytes, language: str) -> None:
    alone = [await _recognise(recognizer, sound, language) for sound in (first, second)]
    pair = recognizer.listen(language), recognizer.listen(language)
    for start in range(0, max(len(first), len(second)), FRAME_BYTES):
        for recognition, sound in zip(pair, (first, second), strict=True):
            recognition.feed(sound[start : start + FRAME_BYTES])
        await asyncio.sleep(0)
    mixed = await asyncio.gather(*(recognition.finish() for recognition in pair))
    for own, others in zip(alone, mixed, strict=True):
        _require(own.text == others.text, f"two utterances at a time mix: {own.text!r} alone, {others.text!r} beside")


async def _recognise(recognizer: Recognizer, sound: bytes, language: str) -> Transcript:
    recognition = recognizer.listen(language)
    await _feed(recognition, sound)
    return await recognition.finish()


async def _feed(recognition: Recognition, sound: bytes) -> None:
    for start in range(0, len(sound), FRAME_BYTES):
        recognition.feed(sound[start : start + FRAME_BYTES])
        if start % (10 * FRAME_BYTES) == 0:
            await asyncio.sleep(0)


def _check_transcript(transcript: Transcript) -> None:
    _require(isinstance(transcript.text, str), "the text of a transcript is a string")
    sure = transcript.confidence
    _require(sure is None or 0.0 <= sure <= 1.0, f"a confidence of {sure} is outside 0–1")


def _raises_closed(call: Callable[[], None], what: str) -> None:
    try:
        call()
    except Closed:
        return
    raise AssertionError(f"{what} must raise Closed")


# ── language models ───────────────────────────────────────────────────────────────────────────────


async def check_language_model(
    make: Callable[[], LanguageModel], first: ChatRequest = GREETING, second: ChatRequest = QUESTION
) -> None:
    """The whole suite for a language model that answers the same request in the same way."""
    _check_deltas(await _collect(make().reply(first)), first)
    await _closing_stops(make(), lambda model: model.reply(first))
    await _cancelling_stops(make(), lambda model: model.reply(first))
    await _an_answer_or_an_error(make().reply(ChatRequest(())))
    await _replies_do_not_mix(make(), first, second)


def _check_deltas(deltas: list[ChatDelta], request: ChatRequest) -> None:
    usages = [index for index, delta in enumerate(deltas) if isinstance(delta, Usage)]
    _require(usages in ([], [len(deltas) - 1]), "Usage comes once, at the end, or not at all")
    _require(all(delta.text for delta in deltas if isinstance(delta, TextDelta)), "an empty TextDelta says nothing")
    calls = [delta for delta in deltas if isinstance(delta, ToolCall)]
    offered = {tool.name for tool in request.tools}
    _require(all(call.name in offered for call in calls), "a tool was called that was not offered")
    _require(len({call.id for call in calls}) == len(calls), "tool calls need ids of their own")
    _require(bool(calls) or any(isinstance(delta, TextDelta) for delta in deltas), "the reply is empty")


async def _replies_do_not_mix(model: LanguageModel, first: ChatRequest, second: ChatRequest) -> None:
    alone = [_text(await _collect(model.reply(request))) for request in (first, second)]
    mixed = await asyncio.gather(_collect(model.reply(first)), _collect(model.reply(second)))
    _require([_text(deltas) for deltas in mixed] == alone, "two replies at a time mix")


def _text(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


# ── speech ────────────────────────────────────────────────────────────────────────────────────────


async def check_synthesizer(
    make: Callable[[], Synthesizer],
    first: SpeechRequest = LONG_CLAUSE,
    second: SpeechRequest = SHORT_CLAUSE,
) -> None:
    """The whole suite for a synthesizer. `second` should be much shorter than `first`."""
    synthesizer = make()
    can = synthesizer.capabilities
    _require(4_000 <= can.rate <= 192_000, f"impossible rate: {can.rate}")
    _check_speech(await _collect(synthesizer.speak(first)), first, synthesizer)
    await _closing_stops(make(), lambda port: port.speak(first))
    await _cancelling_stops(make(), lambda port: port.speak(first))
    for text in ("", " ", "…"):
        await _an_answer_or_an_error(make().speak(SpeechRequest(text, first.language)))
    await _an_answer_or_an_error(make().speak(SpeechRequest("Hello.", first.language, voice="no such voice")))
    await _speeches_do_not_mix(make(), first, second)


def _check_speech(chunks: list[SpeechChunk], request: SpeechRequest, synthesizer: Synthesizer) -> None:
    can = synthesizer.capabilities
    _require(all(len(chunk.pcm) % SAMPLE_BYTES == 0 for chunk in chunks), "a chunk ends in half a sample")
    length = _samples(chunks)
    _require(length > 0, "the speech is empty")
    marks = [mark for chunk in chunks for mark in chunk.marks]
    places = [mark.at for mark in marks]
    _require(places == sorted(places), f"marks out of order: {places}")
    _require(all(0 <= at <= length for at in places), f"a mark is outside the {length} samples: {places}")
    words = [mark for mark in marks if isinstance(mark, WordMark)]
    starts = [word.start for word in words]
    _require(starts == sorted(starts), f"words out of order: {starts}")
    _require(all(0 <= word.start < word.stop <= len(request.text) for word in words), "a word mark is outside the text")
    _require(bool(words) == can.word_times, "word marks and capabilities.word_times disagree")
    phonemes = any(isinstance(mark, PhonemeMark) for mark in marks)
    _require(phonemes == can.phonemes, "phoneme marks and capabilities.phonemes disagree")


async def _speeches_do_not_mix(synthesizer: Synthesizer, first: SpeechRequest, second: SpeechRequest) -> None:
    alone = [_samples(await _collect(synthesizer.speak(request))) for request in (first, second)]
    mixed = await asyncio.gather(_collect(synthesizer.speak(first)), _collect(synthesizer.speak(second)))
    for own, chunks in zip(alone, mixed, strict=True):
        # A model that samples does not speak twice alike; a mixed-up one is off by a whole sentence.
        off = abs(_samples(chunks) - own)
        _require(off <= own * 0.15, f"two speeches at a time mix: {own} samples alone, {off} more or fewer beside")


def _samples(chunks: list[SpeechChunk]) -> int:
    return sum(len(chunk.pcm) for chunk in chunks) // SAMPLE_BYTES


# ── errors, for all ports ─────────────────────────────────────────────────────────────────────────


async def check_failure(call: Awaitable[object] | AsyncIterator[object], code: str) -> BackendError:
    """`call` (a `finish()` or an iterator of a broken back-end) fails with BackendError of this code; returns it."""
    try:
        if isinstance(call, AsyncIterator):
            await _collect(call)
        else:
            await call
    except BackendError as error:
        _require(error.code == code, f"the code is {error.code!r}, not {code!r}")
        _require(bool(error.message), "an error has a message")
        return error
    raise AssertionError("a broken back-end must raise BackendError")


# ── iterators ─────────────────────────────────────────────────────────────────────────────────────

Port = TypeVar("Port", LanguageModel, Synthesizer)


async def _closing_stops(port: Port, begin: Callable[[Port], AsyncIterator[object]]) -> None:
    before = _tasks()
    unstarted = _closable(begin(port))
    await unstarted.aclose()
    await _ended(unstarted, "an iterator closed before its first item")

    started = _closable(begin(port))
    await started.__anext__()
    await started.aclose()
    await started.aclose()
    await _ended(started, "a closed iterator")
    await _gone(before, "a closed iterator")
    _require(bool(await _collect(begin(port))), "after a closed iterator the next one is empty")


async def _cancelling_stops(port: Port, begin: Callable[[Port], AsyncIterator[object]]) -> None:
    before = _tasks()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_collect(begin(port)), name="conformance reader")
        await asyncio.sleep(0)
        task.cancel()
    await _gone(before, "a cancelled reader")
    _require(bool(await _collect(begin(port))), "after a cancelled reader the next one gets nothing")


async def _an_answer_or_an_error(items: AsyncIterator[object]) -> None:
    """Odd input is answered or refused with a BackendError; any other error comes through and fails the test."""
    try:
        await _collect(items)
    except BackendError:
        return


async def _collect(items: AsyncIterator[T]) -> list[T]:
    iterator = _closable(items)
    try:
        return [item async for item in items]
    finally:
        await iterator.aclose()


def _closable(items: AsyncIterator[T]) -> _Closable[T]:
    _require(hasattr(items, "aclose"), "the iterator of a port must have aclose()")
    return cast("_Closable[T]", items)


async def _ended(iterator: _Closable[object], what: str) -> None:
    try:
        item = await iterator.__anext__()
    except StopAsyncIteration:
        return
    raise AssertionError(f"{what} still gives {item!r}")


# ── tasks ─────────────────────────────────────────────────────────────────────────────────────────


async def _while_running(work: Awaitable[Transcript], act: Callable[[], None]) -> Transcript | Closed | BackendError:
    """Start `work`, let it begin, `act`, and return how it ended."""

    async def outcome() -> Transcript | Closed | BackendError:
        try:
            return await work
        except (Closed, BackendError) as error:
            return error

    async with asyncio.TaskGroup() as group:
        task = group.create_task(outcome(), name="conformance work")
        await asyncio.sleep(0)
        act()
    return task.result()


def _tasks() -> set[asyncio.Task[object]]:
    return set(asyncio.all_tasks())


async def _gone(before: set[asyncio.Task[object]], what: str) -> None:
    left = set[str]()
    # Nested generators of a library that were broken off are ended by the loop, one every other turn.
    for _ in range(8):
        await _turn_over()
        left = {task.get_name() for task in _tasks() - before}
    _require(not left, f"{what} left tasks running: {', '.join(sorted(left))}")


async def _turn_over() -> None:
    """Let callbacks and cancelled tasks that are due have their turn."""
    for _ in range(5):
        await asyncio.sleep(0)
