"""The composition root: from settings to something that talks. Read from `conversations` down.

The only file that knows both a port and the back-end behind it. Everything below is handed what it needs and
reads neither settings nor the environment.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from vivavoce import __version__, aio
from vivavoce.app.settings import Settings
from vivavoce.app.unwrap import unwrapped
from vivavoce.audio.pcm import FRAME_MS, Pcm
from vivavoce.audio.segmenter import SegmenterSettings
from vivavoce.channels import contract
from vivavoce.channels.http import Status
from vivavoce.channels.metrics import Metrics
from vivavoce.conversation.cascade.parts import Parts
from vivavoce.conversation.cascade.processor import CascadeProcessor
from vivavoce.conversation.endpointing import EndpointSettings
from vivavoce.conversation.engine import House, Session, SessionLimits
from vivavoce.conversation.interruption import RuleJudge
from vivavoce.conversation.observer import Observe, unobserved
from vivavoce.conversation.responder import SkillsFirst
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.skills import Skills
from vivavoce.conversation.snapshot import NoResumes, Resumes
from vivavoce.conversation.turn import TurnPolicy
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import ConfigError
from vivavoce.inference import catalog
from vivavoce.inference.batching import VadBatcher
from vivavoce.inference.context import Context
from vivavoce.inference.discover import configured, discover, ollama_at
from vivavoce.inference.grammar import Grammar
from vivavoce.inference.ports import LanguageModel, Recognizer, SpeechRequest, Synthesizer, Vad
from vivavoce.inference.wrappers import (
    CHAT,
    RECOGNITION,
    SPEECH,
    Sturdiness,
    sturdy_model,
    sturdy_recognizer,
    sturdy_synthesizer,
)
from vivavoce.pool.local import LocalPool, PoolSettings

Loading = Callable[[str], None]
"""Told what is being loaded, in words for people."""

EXAMPLES = 4
"""Sentences to try, for the page."""


# ── what talks ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Conversations:
    """Loaded and ready: sessions can be opened."""

    sessions: Sessions
    offered: contract.Sessions
    """The same, with the settings' defaults for what a client leaves open."""
    status: Status
    backends: Backends
    people: int | None = None
    """How many the recogniser understands at a time, where that is known."""

    def summary(self) -> str:
        """One line for people: which back-ends, which languages, how many can talk."""
        names = ", ".join(f"{kind} {name}" for kind, name in self.status.backends.items())
        many = f"; {crowd(self.people)}" if self.people else ""
        return f"hears {listed(self.status.heard)}, speaks {listed(self.status.spoken)} ({names}){many}"


def crowd(people: int) -> str:
    """How many can talk at a time."""
    return f"understands about {people} {'person' if people == 1 else 'people'} at a time"


def listed(names: Sequence[str], most: int = 4) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


Complete = Callable[[SessionSpec], Awaitable[SessionSpec]]
"""Fills in what a client left open. Raises Refused for an app that is not offered."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around the conversations of a server (platform.py); a command that only talks has nothing of it."""

    skills: Skills
    observe: Observe = unobserved
    resumes: Resumes = field(default_factory=NoResumes)
    complete: Complete | None = None
    """None: with the defaults of the settings."""
    loaded: Callable[[Mapping[str, str]], None] = lambda _: None
    """Told what answers each port, once it is there."""


@asynccontextmanager
async def conversations(
    settings: Settings, metrics: Metrics, loading: Loading, around: Surroundings | None = None
) -> AsyncIterator[Conversations]:
    """Load the back-ends, put the house together, and take it down in the end.

    Raises ConfigError or BackendUnavailable when a back-end that was asked for cannot be had.
    """
    around = around or Surroundings(Skills.load())
    skills = around.skills
    async with backends(settings, skills, loading) as loaded:
        around.loaded(loaded.names())
        processor = CascadeProcessor(_parts(settings, loaded, skills, metrics))
        pool = LocalPool(processor, _pool_settings(settings))
        house = House(
            leases=pool,
            limits=_session_limits(settings),
            clock=_local_time,
            ring_text=skills.ring_text,
            frames=aio.Ticker(FRAME_MS / 1000),
            seconds=aio.Ticker(1.0),
            observe=around.observe,
            resumes=around.resumes,
        )
        with unwrapped():
            async with Sessions(house) as sessions:
                metrics.sessions(lambda: len(sessions))
                yield Conversations(
                    sessions,
                    Completed(sessions, around.complete or defaults(settings)),
                    _status(loaded, processor, skills),
                    loaded,
                    loaded.recognizer.capabilities.conversations,
                )


# ── back-ends ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Backends:
    """As the catalog builds them, not wrapped yet. Without a language model the skills answer alone."""

    vad: Vad
    recognizer: Recognizer
    model: LanguageModel | None
    synthesizer: Synthesizer

    def names(self) -> Mapping[str, str]:
        """Port → the back-end's own name."""
        return {
            "vad": self.vad.capabilities.name,
            "asr": self.recognizer.capabilities.name,
            "llm": self.model.capabilities.name if self.model else "skills alone",
            "tts": self.synthesizer.capabilities.name,
        }


@asynccontextmanager
async def backends(settings: Settings, skills: Skills, loading: Loading) -> AsyncIterator[Backends]:
    """The back-ends that the settings choose, loaded one after another off the loop."""
    grammars = tuple(skills.grammar(language) for language in skills.languages)
    async with aclosing(await context(settings, grammars)) as shared:
        loading("voice activity detection")
        vad = await asyncio.to_thread(catalog.build_vad, settings.vad, shared)
        loading("speech recognition")
        recognizer = await asyncio.to_thread(catalog.build_asr, settings.asr, shared)
        loading("language model")
        model = await asyncio.to_thread(catalog.build_llm, settings.llm, shared)
        loading("speech synthesis")
        synthesizer = await asyncio.to_thread(catalog.build_tts, settings.tts, shared)
        check_voice(settings.talk.voice, synthesizer)
        await shared.ready()
        yield Backends(vad, recognizer, model, synthesizer)


async def context(settings: Settings, grammars: tuple[Grammar, ...] = ()) -> Context:
    """What back-ends share: the servers configured or found, and the grammars of the skills, for recognition."""
    openai = configured(settings.openai.base_url, settings.openai.api_key)
    ollama = ollama_at(settings.ollama.base_url)
    found = await discover(openai, ollama) if settings.llm.__struct_config__.tag == "auto" else None
    return Context(openai, ollama, found, grammars)


async def voice_of(settings: Settings, text: str, speed: float) -> Pcm:
    """`text` spoken by the synthesizer of the settings, in their language and voice. Raises BackendError."""
    async with aclosing(await context(settings)) as shared:
        synthesizer = catalog.build_tts(settings.tts, shared)
        check_voice(settings.talk.voice, synthesizer)
        request = SpeechRequest(text, settings.talk.language, settings.talk.voice, speed)
        sound = bytearray()
        async with aio.closing(synthesizer.speak(request)) as chunks:
            async for chunk in chunks:
                sound += chunk.pcm
        return Pcm(bytes(sound), synthesizer.capabilities.rate)


def check_voice(voice: str | None, synthesizer: Synthesizer) -> None:
    """Raises ConfigError, with the nearest right one, for a voice that the synthesizer does not have.

    A client that asks for one gets the language's first instead; whoever runs this wants to know.
    """
    names = [known.id for known in synthesizer.capabilities.voices]
    if voice is None or voice in names:
        return
    close = difflib.get_close_matches(voice, names, 1)
    hint = f"did you mean `{close[0]}`?" if close else "`vivavoce models list` shows those there are"
    raise ConfigError(f"talk.voice: {synthesizer.capabilities.name} has no voice `{voice}`; {hint}")


# ── each part's slice of the settings ─────────────────────────────────────────────────────────────


def _parts(settings: Settings, loaded: Backends, skills: Skills, metrics: Metrics) -> Parts:
    limits, turn = settings.limits, settings.turn

    def how(usual: Sturdiness, **patience: float) -> Sturdiness:
        many = limits.backend_requests
        return replace(usual, patience=replace(usual.patience, **patience), at_once=many, waiting=many)

    recognizer = sturdy_recognizer(
        loaded.recognizer, metrics, how(RECOGNITION, first_s=limits.asr_s, whole_s=limits.asr_s)
    )
    synthesizer = sturdy_synthesizer(loaded.synthesizer, metrics, how(SPEECH, first_s=limits.first_sound_s))
    model = loaded.model and sturdy_model(loaded.model, metrics, how(CHAT, first_s=limits.first_token_s))
    return Parts(
        vad=VadBatcher(loaded.vad),
        recognizer=recognizer,
        responder=SkillsFirst(skills, model, _local_time),
        synthesizer=synthesizer,
        judge=RuleJudge(),
        policy=TurnPolicy(
            endpoint=EndpointSettings(
                turn.endpoint_min_ms, turn.endpoint_default_ms, turn.endpoint_hanging_ms, turn.endpoint_max_ms
            ),
            patience=turn.patience,
            language=settings.talk.language,
            preempt=turn.preempt,
            duck_gain=turn.duck_gain,
            utterance_limit=round(limits.utterance_s * 1000),
            silence_limit=round(limits.silence_s * 1000),
        ),
        segmenter=SegmenterSettings(on=settings.vad.on, off=settings.vad.off),
        reply_limit_ms=round(limits.reply_s * 1000),
        sends_to=(model.capabilities.sends_to,) if model and model.capabilities.sends_to else (),
    )


def _pool_settings(settings: Settings) -> PoolSettings:
    limits = settings.limits
    return PoolSettings(slots=limits.slots, queue=limits.queue, wait_s=limits.queue_wait_s)


def _session_limits(settings: Settings) -> SessionLimits:
    limits = settings.limits
    return SessionLimits(
        session_s=limits.session_s,
        pause_s=limits.pause_s,
        resume_s=limits.resume_s,
        idle_s=limits.silence_s,
        lease_idle_s=limits.lease_idle_s,
    )


def _local_time() -> datetime:
    return datetime.now().astimezone()


def _status(loaded: Backends, processor: CascadeProcessor, skills: Skills) -> Status:
    info = processor.info
    return Status(
        version=__version__,
        heard=info.heard,
        spoken=info.spoken,
        backends=loaded.names(),
        sends_to=info.sends_to,
        examples={language: skills.examples(language, EXAMPLES) for language in skills.languages},
    )


class Completed:
    """Sessions of which everything is known before they begin. One that goes on is not asked for its app again."""

    def __init__(self, sessions: Sessions, complete: Complete) -> None:
        self._sessions = sessions
        self._complete = complete

    async def open(self, spec: SessionSpec, outlet: contract.Outlet, resume: str | None = None) -> Session:
        if not self._sessions.resumable(spec, resume):
            spec = await self._complete(spec)
        return await self._sessions.open(spec, outlet, resume)


def defaults(settings: Settings) -> Complete:
    """Without apps: what the settings say where the client asked for nothing."""

    async def complete(spec: SessionSpec) -> SessionSpec:
        return replace(
            spec,
            language=spec.language or settings.talk.language,
            voice=spec.voice or settings.talk.voice,
            # The server's patience is a factor on what the person asks for, whose 1 means «as usual».
            patience=spec.patience * settings.turn.patience,
            system_prompt=spec.system_prompt or settings.talk.system_prompt,
        )

    return complete
