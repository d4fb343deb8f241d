"""What the views of a cascade are made of, and how a reply is put together from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from vivavoce.audio.segmenter import Boundary, Confirmed, SegmenterSettings
from vivavoce.conversation.cascade.speaking import Speech
from vivavoce.conversation.interruption import InterruptionJudge
from vivavoce.conversation.outputs import Problem
from vivavoce.conversation.responder import Answer, Responder
from vivavoce.conversation.turn import TurnPolicy
from vivavoce.conversation.views import Emit, ProcessorInfo, SessionSpec
from vivavoce.inference.batching import VadBatcher
from vivavoce.inference.ports import Recognizer, Synthesizer


@dataclass(frozen=True, slots=True)
class Parts:
    """Shared by all sessions of a processor; back-ends come wrapped (limits, time-outs, timing)."""

    vad: VadBatcher
    recognizer: Recognizer
    responder: Responder
    synthesizer: Synthesizer
    judge: InterruptionJudge
    policy: TurnPolicy = field(default_factory=TurnPolicy)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    reply_limit_ms: int = 300_000
    sends_to: tuple[str, ...] = ()
    """Hosts that words are sent to beside those of recogniser and synthesizer (the language model's)."""

    def info(self) -> ProcessorInfo:
        voices = self.synthesizer.capabilities.voices
        hosts = (self.recognizer.capabilities.sends_to, self.synthesizer.capabilities.sends_to, *self.sends_to)
        return ProcessorInfo(
            kind="cascade",
            heard=self.recognizer.capabilities.languages,
            spoken=tuple(dict.fromkeys(voice.language for voice in voices)),
            sends_to=tuple(dict.fromkeys(host for host in hosts if host)),
        )

    def hears(self, language: str) -> bool:
        """Whether speech in `language` can be recognised here; typing always works."""
        return language in self.recognizer.capabilities.languages

    def speech(self, spec: SessionSpec, volume: Callable[[], int], *, silent: bool = False) -> Speech:
        """How a session's replies sound; in the house's own language where nobody speaks the session's."""
        spoken = {voice.language for voice in self.synthesizer.capabilities.voices}
        return Speech(
            synthesizer=self.synthesizer,
            language=spec.language if spec.language in spoken or not spoken else self.policy.language,
            voice=spec.voice,
            rate=spec.output_rate,
            volume=volume,
            limit_ms=self.reply_limit_ms,
            silent=silent,
        )


LANGUAGES = {"en": "English", "zh": "Chinese"}


class Deaf:
    """Speech in a language that nobody here understands: it is told once, and typing goes on."""

    def __init__(self, parts: Parts, spec: SessionSpec, emit: Emit) -> None:
        self.deaf = not parts.hears(spec.language)
        self._language = LANGUAGES.get(spec.language, spec.language)
        self._emit = emit
        self._told = False

    def to(self, border: Boundary) -> bool:
        """True when this speech is not to be heard."""
        if self.deaf and isinstance(border, Confirmed):
            self.tell()
        return self.deaf

    def tell(self) -> None:
        """Say once what is missing and what works."""
        if not self._told:
            self._told = True
            self._emit(Problem("asr_failed", self.reason))

    @property
    def reason(self) -> str:
        return f"Spoken {self._language} needs a recognition model here. Type it, and hear the answer."


async def saying(text: str) -> AsyncIterator[Answer]:
    """An answer that is known beforehand: an announcement."""
    yield text
