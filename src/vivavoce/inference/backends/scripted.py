"""Scripted back-ends: models that say what they were told to, as late as they were told to.

They stand in for real models in tests, examples and benchmarks. Delays are those of the loop's clock, so
virtual time works; hundreds of conversations on one core must not pay for the actors, so words are timed by
deadline, sound is made once for all and handed out in pieces much longer than a frame.

A `Fault` makes any of them misbehave in the ways that real ones do.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from vivavoce.aio import now
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import BackendError, Closed, ConfigError
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
    ToolCall,
    Transcript,
    Usage,
    VadCapabilities,
    Voice,
    WordMark,
)

Reply = str | ToolCall | tuple[str | ToolCall, ...]
"""What the model says in one turn. A tool call ends its round: what follows is said once the result is there."""

_HAN = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_HAN}][，。！？、；：]*|[^\s{_HAN}]+")
"""A word of a spaced language, or one Chinese or Japanese character; punctuation belongs to the word before it."""
_TOKEN = re.compile(rf"\s*(?:{_WORD.pattern})")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, once `after` pieces (words, chunks) were given.

    `raise` raises `error`, or else a BackendError; `hang` never answers; `endless` never ends.
    """

    kind: Literal["raise", "hang", "endless"] = "raise"
    after: int = 0
    error: Exception | None = None

    async def strike(self, code: str) -> None:
        """Raise or hang; returns when the fault is that nothing ends."""
        if self.kind == "raise":
            raise self.error or BackendError("scripted fault", code=code)
        if self.kind == "hang":
            await asyncio.get_running_loop().create_future()


# ── voice activity ────────────────────────────────────────────────────────────────────────────────


class ScriptedVad:
    """Loud is speech: 1.0 for a window whose level (RMS, of 32,768) reaches `loud`, else 0.0."""

    def __init__(self, *, loud: float = 300.0, batch: int = 256, error: Exception | None = None) -> None:
        self._power = loud * loud
        self._error = error
        self._capabilities = VadCapabilities("scripted", batch=batch)

    @property
    def capabilities(self) -> VadCapabilities:
        return self._capabilities

    def start(self) -> object:
        return None

    def score(self, windows: npt.NDArray[np.int16], states: Sequence[object]) -> Sequence[float]:
        if self._error is not None:
            raise self._error
        power = np.mean(np.square(windows, dtype=np.float32), axis=1)
        return [float(loud) for loud in power >= self._power]


# ── recognition ───────────────────────────────────────────────────────────────────────────────────


class ScriptedRecognizer:
    """Understands `texts`, one per utterance, in order and round again; a cancelled utterance uses up none.

    With `word_s`, partial texts grow by a word for each that many seconds of sound. The final text comes
    `delay_s` after `finish`.
    """

    def __init__(
        self,
        texts: str | Transcript | Sequence[str | Transcript],
        *,
        delay_s: float = 0.1,
        word_s: float | None = 0.25,
        languages: tuple[Language, ...] = ("en", "zh"),
        fault: Fault | None = None,
    ) -> None:
        listed = [texts] if isinstance(texts, str | Transcript) else texts
        if not listed:
            raise ConfigError("a scripted recogniser needs at least one text")
        self._texts = deque(Transcript(text) if isinstance(text, str) else text for text in listed)
        self._delay_s = delay_s
        self._word_bytes = 0 if word_s is None else max(1, round(word_s * INPUT_RATE)) * SAMPLE_BYTES
        self._fault = fault
        self._capabilities = RecognizerCapabilities("scripted", languages, partials=word_s is not None)

    @property
    def capabilities(self) -> RecognizerCapabilities:
        return self._capabilities

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> ScriptedRecognition:
        transcript = self._texts.popleft()
        self._texts.append(transcript)
        return ScriptedRecognition(self, transcript, on_partial)

    def _give_back(self, transcript: Transcript) -> None:
        self._texts.remove(transcript)
        self._texts.appendleft(transcript)


class ScriptedRecognition:
    """One utterance; see `ScriptedRecognizer`."""

    __slots__ = ("_due", "_fed", "_final", "_on_partial", "_over", "_owner", "_timer", "_transcript", "_words")

    def __init__(
        self, owner: ScriptedRecognizer, transcript: Transcript, on_partial: Callable[[str], None] | None
    ) -> None:
        self._owner = owner
        self._transcript = transcript
        self._on_partial = on_partial
        self._fed = 0
        self._words = 0
        self._due = owner._word_bytes if on_partial is not None and owner._word_bytes else None
        self._over = False
        self._final: asyncio.Future[Transcript] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, pcm: bytes) -> None:
        if self._over:
            raise Closed("this utterance is over")
        self._fed += len(pcm)
        while self._due is not None and self._fed >= self._due:
            self._grow(self._due)

    def _grow(self, due: int) -> None:
        """One more word was heard, or the last one was."""
        ends = [match.end() for match in _WORD.finditer(self._transcript.text)]
        if self._words >= len(ends):
            self._due = None
            return
        self._words += 1
        self._due = due + self._owner._word_bytes
        if self._on_partial is not None:
            self._on_partial(self._transcript.text[: ends[self._words - 1]])

    async def finish(self) -> Transcript:
        if self._over:
            raise Closed("this utterance is over")
        self._over = True
        loop = asyncio.get_running_loop()
        self._final = loop.create_future()
        self._timer = loop.call_later(self._owner._delay_s, self._settle, self._final)
        try:
            return await self._final
        finally:
            self._timer.cancel()

    def _settle(self, final: asyncio.Future[Transcript]) -> None:
        fault = self._owner._fault
        if fault is None:
            final.set_result(self._transcript)
        elif fault.kind == "raise":
            final.set_exception(fault.error or BackendError("scripted fault", code="asr_failed"))
        elif fault.kind == "endless" and self._on_partial is not None:
            self._words += 1
            self._on_partial(f"{self._transcript.text}{' and' * self._words}")
            self._timer = asyncio.get_running_loop().call_later(0.1, self._settle, final)

    def cancel(self) -> None:
        first, self._over = not self._over, True
        if self._final is not None and not self._final.done():
            self._final.set_exception(Closed("cancelled"))
            first = True
        if first:
            self._owner._give_back(self._transcript)


# ── language models ───────────────────────────────────────────────────────────────────────────────


class ScriptedModel:
    """Answers the n-th user message of a request with the n-th of `replies`, and round again.

    The order is read from the request, not counted here: many sessions share one model, and a reply that was
    prepared and dropped is prepared again in the same words. `{text}` in a reply stands for what the user said.
    The first word comes after `first_token_s`, each further one `per_token_s` later.
    """

    def __init__(
        self,
        replies: Reply | Sequence[Reply] = "{text}",
        *,
        first_token_s: float = 0.1,
        per_token_s: float = 0.01,
        fault: Fault | None = None,
    ) -> None:
        single = isinstance(replies, str | ToolCall) or (isinstance(replies, tuple) and _has_call(replies))
        listed: Sequence[Reply] = (replies,) if single else replies  # type: ignore[assignment]
        if not listed:
            raise ConfigError("a scripted model needs at least one reply")
        self._rounds = [_rounds(reply) for reply in listed]
        self._first_token_s = first_token_s
        self._per_token_s = per_token_s
        self._fault = fault
        self._capabilities = LanguageModelCapabilities("scripted", tools=True)

    @property
    def capabilities(self) -> LanguageModelCapabilities:
        return self._capabilities

    async def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        pieces = self._pieces(request)
        due = now() + self._first_token_s
        given = 0
        for piece in pieces:
            if self._fault is not None and given >= self._fault.after:
                break
            # By deadline: on a busy loop a late word does not make all later ones later.
            await asyncio.sleep(max(0.0, due - now()))
            due += self._per_token_s
            given += 1
            yield piece
        if self._fault is not None:
            await self._fault.strike("llm_failed")
            while True:
                await asyncio.sleep(max(0.001, self._per_token_s))
                yield TextDelta(" and")
        yield Usage(sum(len(message.text.split()) for message in request.messages), 0, given)

    def _pieces(self, request: ChatRequest) -> list[TextDelta | ToolCall]:
        said = ""
        turn = -1
        done = 0
        for message in request.messages:
            if message.role == "user":
                said, turn, done = message.text, turn + 1, 0
            elif message.tool_calls:
                done += 1
        rounds = self._rounds[max(0, turn) % len(self._rounds)]
        pieces: list[TextDelta | ToolCall] = []
        for part in rounds[done] if done < len(rounds) else ():
            if isinstance(part, ToolCall):
                pieces.append(part)
            else:
                pieces += _deltas(part.replace("{text}", said))
        return pieces


def _has_call(parts: Sequence[object]) -> bool:
    return any(isinstance(part, ToolCall) for part in parts)


def _rounds(reply: Reply) -> list[list[str | ToolCall]]:
    """A reply cut behind each tool call; calls that follow each other belong to one round."""
    parts = reply if isinstance(reply, tuple) else (reply,)
    rounds: list[list[str | ToolCall]] = [[]]
    for part in parts:
        if isinstance(part, str) and _has_call(rounds[-1]):
            rounds.append([])
        rounds[-1].append(part)
    return rounds


@lru_cache(maxsize=256)
def _deltas(text: str) -> tuple[TextDelta, ...]:
    """Words as a model gives them: each but the first brings the space before it."""
    return tuple(TextDelta(word) for word in _TOKEN.findall(text))


# ── speech ────────────────────────────────────────────────────────────────────────────────────────

_FIRST_MS = 20
_CHUNK_MS = 100
"""One wake-up per 100 ms of sound; a frame each would wake 300 sessions 75 times a sentence."""


class ScriptedSynthesizer:
    """A tone (or, with `tone_hz` 0, silence) in place of speech, with its words spread evenly over it.

    A clause lasts `clause_s` seconds, or `character_s` for each of its characters. Its first 20 ms come after
    `first_frame_s`, the rest at `speed` times real time.
    """

    def __init__(
        self,
        *,
        first_frame_s: float = 0.05,
        speed: float = 5.0,
        clause_s: float | None = None,
        character_s: float = 0.06,
        rate: int = 24_000,
        tone_hz: int = 220,
        fault: Fault | None = None,
    ) -> None:
        self._first_frame_s = first_frame_s
        self._speed = speed
        self._clause_s = clause_s
        self._character_s = character_s
        self._rate = rate
        self._tone_hz = tone_hz
        self._fault = fault
        voices = (Voice("scripted", "en"), Voice("scripted-zh", "zh"))
        self._capabilities = SynthesizerCapabilities("scripted", rate, voices, word_times=True)

    @property
    def capabilities(self) -> SynthesizerCapabilities:
        return self._capabilities

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        length = self._length(request)
        marks = _spread(request.text, length)
        began = now() + self._first_frame_s
        first = self._rate * _FIRST_MS // 1000
        start = given = 0
        while start < length and not (self._fault is not None and given >= self._fault.after):
            stop = min(length, start + (self._rate * _CHUNK_MS // 1000 if start else first))
            # Made at `speed` times real time after the first frame: a chunk is there when its last frame is.
            ready = began + max(0, stop - first) / (self._rate * self._speed)
            await asyncio.sleep(max(0.0, ready - now()))
            here = tuple(mark for mark in marks if start <= mark.at < stop)
            yield SpeechChunk(_sound(self._rate, self._tone_hz, start % self._rate, stop - start), here)
            start = stop
            given += 1
        if self._fault is not None:
            await self._fault.strike("tts_failed")
            while True:
                await asyncio.sleep(_CHUNK_MS / 1000 / self._speed)
                yield SpeechChunk(_sound(self._rate, self._tone_hz, 0, self._rate * _CHUNK_MS // 1000))

    def _length(self, request: SpeechRequest) -> int:
        text = request.text.strip()
        if not text:
            return 0
        seconds = len(text) * self._character_s if self._clause_s is None else self._clause_s
        return max(1, round(seconds / request.speed * self._rate))


def _spread(text: str, length: int) -> list[WordMark]:
    words = [match.span() for match in _WORD.finditer(text)]
    return [WordMark(length * place // len(words), start, stop) for place, (start, stop) in enumerate(words)]


@lru_cache(maxsize=512)
def _sound(rate: int, tone_hz: int, start: int, count: int) -> bytes:
    """`count` samples of the tone from sample `start` of its second; made once, shared by all sessions."""
    if not tone_hz:
        return bytes(count * SAMPLE_BYTES)
    moments = np.arange(start, start + count)
    return (6000 * np.sin(2 * np.pi * tone_hz * moments / rate)).astype("<i2").tobytes()
