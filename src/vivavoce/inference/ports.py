"""The ports: what a kind of back-end must do, in one verb each, and what it can do, as data.

Everything else about back-ends is an instance of this page. Wrappers (time-out, retry, timing,
concurrency) satisfy the port they wrap; conformance suites for each port ship in vivavoce.testing.
All raise only errors of vivavoce.errors (BackendError and its children).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Language = str
"""A BCP 47 primary tag: `en`, `zh`, …"""


# ── voice activity ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class VadCapabilities:
    """`window` samples at `rate` Hz are scored at a time, up to `batch` sessions in one call."""

    name: str
    rate: int = 16_000
    window: int = 512
    batch: int = 1


class Vad(Protocol):
    """Scores windows of sound for speech. Synchronous: a call costs tens of microseconds per session."""

    @property
    def capabilities(self) -> VadCapabilities: ...

    def start(self) -> object:
        """A fresh state for one session; opaque to the caller, changed in place by `score`."""
        ...

    def score(self, windows: npt.NDArray[np.int16], states: Sequence[object]) -> Sequence[float]:
        """Probability of speech, 0–1, of each row of `windows` (shape (n, window), n ≤ batch)."""
        ...


# ── recognition ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RecognizerCapabilities:
    name: str
    languages: tuple[Language, ...]
    partials: bool = False
    open_vocabulary: bool = True
    """False: knows the sentences it was given and little else."""
    sends_to: str | None = None
    """The host that speech is sent to, if any; shown to people before first use."""
    conversations: int | None = None
    """About how many people this machine understands at a time, each with a sentence in 10 s. None: that is not known
    here.
    """
    tail_ms: int = 0
    """Sound from after the end of speech that it wants to hear before it concludes; a last, faint «s» is there."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood. `confidence` 0–1 or None; `unsure` asks the conversation to ask back.

    `rejected` text was heard but is no command and was not recognised well enough to be quoted.
    """

    text: str
    confidence: float | None = None
    unsure: bool = False
    rejected: bool = False


class Recognition(Protocol):
    """One utterance being recognised."""

    def feed(self, pcm: bytes) -> None:
        """More sound, 16 kHz PCM. Never blocks; raises Closed after `finish` or `cancel`."""
        ...

    async def finish(self) -> Transcript:
        """No more sound: the final text. Raises BackendError(code='asr_failed')."""
        ...

    def cancel(self) -> None:
        """Forget it; safe in any state, any number of times."""
        ...


class Recognizer(Protocol):
    @property
    def capabilities(self) -> RecognizerCapabilities: ...

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> Recognition:
        """Begin an utterance. `on_partial` is called on the loop with the whole text so far."""
        ...


# ── language models ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded image (`image/jpeg`, `image/png`, `image/webp`)."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant", "tool"]
    text: str
    pictures: tuple[Picture, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function offered to the model; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    messages: tuple[ChatMessage, ...]
    language: Language = "en"
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    model: str | None = None
    """Another model of the same server, where the back-end can ask for one; else it is passed over."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int
    cached_tokens: int
    output_tokens: int


ChatDelta = TextDelta | ToolCall | Usage


@dataclass(frozen=True, slots=True)
class LanguageModelCapabilities:
    name: str
    tools: bool = False
    vision: bool = False
    sends_to: str | None = None


class LanguageModel(Protocol):
    @property
    def capabilities(self) -> LanguageModelCapabilities: ...

    def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Stream the answer. Closing the iterator stops the work. Raises BackendError(code='llm_failed')."""
        ...


# ── speech ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Voice:
    id: str
    language: Language
    name: str = ""


@dataclass(frozen=True, slots=True)
class SynthesizerCapabilities:
    name: str
    rate: int
    voices: tuple[Voice, ...]
    word_times: bool = False
    phonemes: bool = False
    sends_to: str | None = None


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    text: str
    language: Language = "en"
    voice: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class WordMark:
    """The word `text[start:stop]` of the request begins at sample `at` of this speech."""

    at: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class PhonemeMark:
    """Phoneme (IPA) beginning at sample `at` of this speech; mouth shapes are made from it."""

    at: int
    phoneme: str


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech at the synthesizer's rate, with the marks known by now (in order of `at`)."""

    pcm: bytes
    marks: tuple[WordMark | PhonemeMark, ...] = field(default=())


class Synthesizer(Protocol):
    @property
    def capabilities(self) -> SynthesizerCapabilities: ...

    def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        """Stream the speech of one clause. Closing the iterator stops the work.

        Raises BackendError(code='tts_failed').
        """
        ...
