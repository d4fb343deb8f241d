"""Small fakes of the ports for unit tests: they do what they are told, remember what they were asked, and keep
to the contract (`conformance` runs over each of them).

A `gate` (asyncio.Event) holds every answer back until it is set; `error` is raised instead of an answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import samples
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import (
    ChatDelta,
    ChatRequest,
    Language,
    LanguageModelCapabilities,
    RecognizerCapabilities,
    SpeechChunk,
    SpeechRequest,
    SynthesizerCapabilities,
    TextDelta,
    Transcript,
    Usage,
    VadCapabilities,
    Voice,
    WordMark,
)


class FakeVad:
    """Loud is speech: 1.0 when the loudest sample of a window reaches `threshold`, else 0.0."""

    def __init__(self, threshold: int = 1000, window: int = 512, batch: int = 64) -> None:
        self.capabilities = VadCapabilities("fake", window=window, batch=batch)
        self._threshold = threshold

    def start(self) -> object:
        return object()

    def score(self, windows: npt.NDArray[np.int16], states: Sequence[object]) -> list[float]:
        assert len(windows) == len(states)
        return [float(np.abs(row.astype(np.int32)).max() >= self._threshold) for row in windows]


class FakeRecognizer:
    """Understands `texts`, one per utterance in the order they begin, the last one ever after.

    An utterance without sound is understood as nothing. `partials` are told one per fed frame.
    """

    def __init__(
        self,
        *texts: str | Transcript,
        partials: Sequence[str] = (),
        gate: asyncio.Event | None = None,
        error: BackendError | None = None,
    ) -> None:
        self.capabilities = RecognizerCapabilities("fake", languages=("en", "zh"), partials=bool(partials))
        self.gate = gate
        self.error = error
        self.utterances: list[FakeRecognition] = []
        self._texts = texts or ("hello",)
        self._partials = tuple(partials)

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> FakeRecognition:
        said = self._texts[min(len(self.utterances), len(self._texts) - 1)]
        transcript = said if isinstance(said, Transcript) else Transcript(said, confidence=1.0)
        utterance = FakeRecognition(self, language, transcript, list(self._partials) if on_partial else [], on_partial)
        self.utterances.append(utterance)
        return utterance


class FakeRecognition:
    """One utterance of FakeRecognizer. `sound` is what was fed, `state` what became of it."""

    def __init__(
        self,
        owner: FakeRecognizer,
        language: Language,
        transcript: Transcript,
        partials: list[str],
        on_partial: Callable[[str], None] | None,
    ) -> None:
        self.language = language
        self.sound = bytearray()
        self.state = "listening"
        self._owner = owner
        self._transcript = transcript
        self._partials = partials
        self._on_partial = on_partial
        self._cancelled = asyncio.Event()

    def feed(self, pcm: bytes) -> None:
        if self.state != "listening":
            raise Closed(f"the utterance is {self.state}")
        self.sound += pcm
        if pcm and self._partials and self._on_partial is not None:
            self._on_partial(self._partials.pop(0))

    async def finish(self) -> Transcript:
        if self.state != "listening":
            raise Closed(f"the utterance is {self.state}")
        self.state = "finishing"
        await _open(self._owner.gate, self._cancelled)
        if self._cancelled.is_set():
            raise Closed("the utterance was cancelled")
        self.state = "finished"
        if self._owner.error is not None:
            raise self._owner.error
        return self._transcript if self.sound else Transcript("")

    def cancel(self) -> None:
        if self.state != "finished":
            self.state = "cancelled"
        self._cancelled.set()


class FakeLanguageModel:
    """Answers with `reply`: a text, sent word by word, or a function from the request to deltas."""

    def __init__(
        self,
        reply: str | Callable[[ChatRequest], Sequence[ChatDelta]] = "All right.",
        *,
        tools: bool = False,
        gate: asyncio.Event | None = None,
        error: BackendError | None = None,
    ) -> None:
        self.capabilities = LanguageModelCapabilities("fake", tools=tools)
        self.gate = gate
        self.error = error
        self.requests: list[ChatRequest] = []
        self.running = 0
        """Replies begun and neither ended nor closed."""
        self._reply = reply

    async def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.requests.append(request)
        self.running += 1
        try:
            await _open(self.gate)
            if self.error is not None:
                raise self.error
            for delta in self._deltas(request):
                await asyncio.sleep(0)
                yield delta
        finally:
            self.running -= 1

    def _deltas(self, request: ChatRequest) -> Sequence[ChatDelta]:
        if callable(self._reply):
            return self._reply(request)
        words = re.findall(r"\s*\S+", self._reply)
        return [*map(TextDelta, words), Usage(len(request.messages), 0, len(words))]


class FakeSynthesizer:
    """A tone of `ms_per_character` for each character, one chunk and one word mark per word."""

    def __init__(
        self,
        *,
        rate: int = 24_000,
        ms_per_character: float = 50.0,
        gate: asyncio.Event | None = None,
        error: BackendError | None = None,
    ) -> None:
        voices = (Voice("fake", "en", "Fake"), Voice("fake-zh", "zh", "Fake"))
        self.capabilities = SynthesizerCapabilities("fake", rate=rate, voices=voices, word_times=True)
        self.gate = gate
        self.error = error
        self.requests: list[SpeechRequest] = []
        self.running = 0
        """Speeches begun and neither ended nor closed."""
        self._ms_per_character = ms_per_character

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        self.requests.append(request)
        self.running += 1
        try:
            await _open(self.gate)
            if self.error is not None:
                raise self.error
            at = 0
            for word in re.finditer(r"\S+", request.text):
                await asyncio.sleep(0)
                pcm = self._tone(len(word.group()) / request.speed)
                yield SpeechChunk(pcm, (WordMark(at, word.start(), word.end()),))
                at += len(pcm) // 2
        finally:
            self.running -= 1

    def _tone(self, characters: float) -> bytes:
        rate = self.capabilities.rate
        count = samples(characters * self._ms_per_character, rate)
        wave: npt.NDArray[np.float64] = 8_000 * np.sin(np.arange(count) * (2 * np.pi * 440 / rate))
        return wave.astype("<i2").tobytes()


async def _open(gate: asyncio.Event | None, cancelled: asyncio.Event | None = None) -> None:
    """Wait until `gate` is set (None is open) or `cancelled` is; at least one turn of the loop passes."""
    await asyncio.sleep(0)
    if gate is None or gate.is_set():
        return
    if cancelled is None:
        await gate.wait()
        return
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait(), name="fake gate") for event in (gate, cancelled)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
