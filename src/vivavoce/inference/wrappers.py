"""Dresses ports with policies: what comes out is the same port.

`sturdy_recognizer`, `sturdy_model` and `sturdy_synthesizer` are what the product runs; the order of the policies is
theirs to read. `any_recognizer`, `any_model` and `any_synthesizer` chain several back-ends: the next is asked when one
fails before its first output.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from vivavoce.aio import closing
from vivavoce.errors import BackendError, ConfigError
from vivavoce.inference.policies import (
    Observer,
    Patience,
    Policy,
    Source,
    first_that_works,
    timed,
    with_breaker,
    with_ceiling,
    with_limit,
    with_retry,
    with_timeout,
)
from vivavoce.inference.ports import (
    ChatDelta,
    ChatRequest,
    LanguageModel,
    LanguageModelCapabilities,
    Recognizer,
    SpeechChunk,
    SpeechRequest,
    Synthesizer,
    SynthesizerCapabilities,
    TextDelta,
    ToolCall,
    Transcript,
)
from vivavoce.inference.translate import coded
from vivavoce.inference.utterance import RunningUtterance, UtteranceRecognizer

R = TypeVar("R")
T = TypeVar("T")


# ── what the product runs ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sturdiness:
    """How long and how often one back-end is asked, and by how many at once."""

    patience: Patience
    at_once: int = 32
    waiting: int = 64
    wait_s: float = 2.0
    tries: int = 2


RECOGNITION = Sturdiness(Patience(first_s=5.0, between_s=5.0, whole_s=5.0))
CHAT = Sturdiness(Patience(first_s=10.0, between_s=10.0, whole_s=120.0))
SPEECH = Sturdiness(Patience(first_s=5.0, between_s=5.0, whole_s=60.0))
MOST_CHARACTERS = 20_000
"""Of one reply, its tool calls' arguments too: more than anybody means to say. It guards against models that run away,
and an error; the responder cuts long answers off before, quietly, where enough has been said.
"""
MOST_SPEECH_BYTES = 16 * 1024 * 1024
"""Of one clause: minutes of sound at any rate, where seconds are right."""


def sturdy_recognizer(recognizer: Recognizer, observer: Observer, how: Sturdiness = RECOGNITION) -> Recognizer:
    return wrap_recognizer(
        recognizer,
        timed(observer, "asr", recognizer.capabilities.name),
        with_limit(how.at_once, how.waiting, how.wait_s),
        with_breaker(),
        with_timeout(how.patience),
        with_retry(how.tries),
    )


def sturdy_model(model: LanguageModel, observer: Observer, how: Sturdiness = CHAT) -> LanguageModel:
    return wrap_model(
        model,
        timed(observer, "llm", model.capabilities.name),
        with_limit(how.at_once, how.waiting, how.wait_s),
        with_breaker(),
        with_timeout(how.patience),
        with_retry(how.tries),
        with_ceiling(MOST_CHARACTERS, "characters", _characters),
    )


def sturdy_synthesizer(synthesizer: Synthesizer, observer: Observer, how: Sturdiness = SPEECH) -> Synthesizer:
    return wrap_synthesizer(
        synthesizer,
        timed(observer, "tts", synthesizer.capabilities.name),
        with_limit(how.at_once, how.waiting, how.wait_s),
        with_breaker(),
        with_timeout(how.patience),
        with_retry(how.tries),
        with_ceiling(MOST_SPEECH_BYTES, "bytes of sound", _sound_bytes),
    )


def _characters(delta: object) -> int:
    if isinstance(delta, TextDelta):
        return len(delta.text)
    return sum(len(str(value)) for value in delta.arguments.values()) if isinstance(delta, ToolCall) else 0


def _sound_bytes(chunk: object) -> int:
    return len(chunk.pcm) if isinstance(chunk, SpeechChunk) else 0


# ── one back-end with policies ────────────────────────────────────────────────────────────────────


def wrap_recognizer(recognizer: Recognizer, *policies: Policy) -> Recognizer:
    """`recognizer` with policies, the first outermost. They act on `finish`; a retry hears the utterance again."""
    source = _dressed(_attempt_with(0), policies, "asr_failed")
    return UtteranceRecognizer(recognizer.capabilities, (recognizer,), source)


def wrap_model(model: LanguageModel, *policies: Policy) -> LanguageModel:
    """`model` with policies, the first outermost."""
    return _Model(model.capabilities, _dressed(_replies_of(model), policies, "llm_failed"))


def wrap_synthesizer(synthesizer: Synthesizer, *policies: Policy) -> Synthesizer:
    """`synthesizer` with policies, the first outermost."""
    return _Synthesizer(synthesizer.capabilities, _dressed(_speeches_of(synthesizer), policies, "tts_failed"))


# ── several back-ends ─────────────────────────────────────────────────────────────────────────────


def any_recognizer(*recognizers: Recognizer) -> Recognizer:
    """The first hears everything; when it fails at the end, the next hears the whole utterance, and so on."""
    sources = [_attempt_with(index) for index in range(len(recognizers))]
    all_of_them = [recognizer.capabilities for recognizer in recognizers]
    can = replace(all_of_them[0], sends_to=_hosts([each.sends_to for each in all_of_them]))
    return UtteranceRecognizer(can, recognizers, _dressed(first_that_works(*sources), (), "asr_failed"))


def any_model(*models: LanguageModel) -> LanguageModel:
    """The abilities are those that all of them have: any may be the one that answers."""
    all_of_them = [model.capabilities for model in models]
    can = LanguageModelCapabilities(
        name=all_of_them[0].name,
        tools=all(each.tools for each in all_of_them),
        vision=all(each.vision for each in all_of_them),
        sends_to=_hosts([each.sends_to for each in all_of_them]),
    )
    return _Model(can, _dressed(first_that_works(*map(_replies_of, models)), (), "llm_failed"))


def any_synthesizer(*synthesizers: Synthesizer) -> Synthesizer:
    """Voices are the first one's; the others speak with their own. Raises ConfigError when the rates differ."""
    all_of_them = [synthesizer.capabilities for synthesizer in synthesizers]
    if len({each.rate for each in all_of_them}) > 1:
        rates = ", ".join(f"{each.name} {each.rate} Hz" for each in all_of_them)
        raise ConfigError(f"synthesizers that stand in for each other need one rate: {rates}")
    can = replace(
        all_of_them[0],
        word_times=all(each.word_times for each in all_of_them),
        phonemes=all(each.phonemes for each in all_of_them),
        sends_to=_hosts([each.sends_to for each in all_of_them]),
    )
    sources = [_speeches_of(first) if index == 0 else _own_voice(first) for index, first in enumerate(synthesizers)]
    return _Synthesizer(can, _dressed(first_that_works(*sources), (), "tts_failed"))


def _hosts(hosts: Sequence[str | None]) -> str | None:
    """All hosts that may be sent to, in order: people are shown every one before first use."""
    return ", ".join(dict.fromkeys(host for host in hosts if host)) or None


# ── ports to sources and back ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Model:
    capabilities: LanguageModelCapabilities
    source: Source[ChatRequest, ChatDelta]

    def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        return self.source(request)


@dataclass(frozen=True, slots=True)
class _Synthesizer:
    capabilities: SynthesizerCapabilities
    source: Source[SpeechRequest, SpeechChunk]

    def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        return self.source(request)


def _dressed(source: Source[R, T], policies: Sequence[Policy], code: str) -> Source[R, T]:
    for policy in reversed(policies):
        source = policy(source)
    return _with_code(source, code)


def _with_code(source: Source[R, T], code: str) -> Source[R, T]:
    """Errors that a policy made learn whose they are."""

    async def named(request: R) -> AsyncGenerator[T, None]:
        try:
            async with closing(source(request)) as items:
                async for item in items:
                    yield item
        except BackendError as error:
            coded(error, code)
            raise

    return named


def _attempt_with(index: int) -> Source[RunningUtterance, Transcript]:
    return lambda utterance: utterance.attempt(index)


def _replies_of(model: LanguageModel) -> Source[ChatRequest, ChatDelta]:
    async def replies(request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        async with closing(model.reply(request)) as deltas:
            async for delta in deltas:
                yield delta

    return replies


def _speeches_of(synthesizer: Synthesizer) -> Source[SpeechRequest, SpeechChunk]:
    async def speeches(request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        async with closing(synthesizer.speak(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    return speeches


def _own_voice(synthesizer: Synthesizer) -> Source[SpeechRequest, SpeechChunk]:
    """A stand-in does not know the other's voice names."""
    speeches = _speeches_of(synthesizer)
    known = {voice.id for voice in synthesizer.capabilities.voices}

    def speak(request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        return speeches(request if request.voice in known else replace(request, voice=None))

    return speak
