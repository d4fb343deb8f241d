"""Rehearsal: a whole conversation with scripted models, in virtual time, told as a script.

    async with Rehearsal(heard="what time is it", reply="It is noon.") as play:
        await play.speak(1000)
        await play.quiet(5000)
        assert play.texts() == ["It is noon."]

Sound goes in frame by frame at real-time pace, as a client sends it; what the session says is kept with the
moment it was said. The client's loudspeaker is imitated: it plays what it gets and reports it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeVar

import numpy as np

from vivavoce import aio
from vivavoce.audio.pcm import FRAME_MS, FRAME_SAMPLES, INPUT_RATE, SAMPLE_BYTES
from vivavoce.conversation.cascade.parts import Parts
from vivavoce.conversation.cascade.processor import CascadeProcessor
from vivavoce.conversation.engine import House, Session, SessionLimits
from vivavoce.conversation.inputs import Played
from vivavoce.conversation.interruption import InterruptionJudge, RuleJudge
from vivavoce.conversation.observer import Observe, unobserved
from vivavoce.conversation.outputs import (
    Duck,
    Flush,
    Hold,
    Output,
    Problem,
    Release,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    Stopped,
    TranscriptUpdate,
)
from vivavoce.conversation.responder import Responder, SkillsFirst
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.skills import Skills, Timer
from vivavoce.conversation.snapshot import NoResumes, Resumes
from vivavoce.conversation.turn import TurnPolicy
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.backends.scripted import (
    ScriptedModel,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedVad,
)
from vivavoce.inference.batching import VadBatcher
from vivavoce.inference.ports import LanguageModel, Recognizer, Synthesizer, Vad
from vivavoce.pool.local import LocalPool, PoolSettings

T = TypeVar("T")

_MOMENTS = np.arange(FRAME_SAMPLES) / INPUT_RATE
LOUD = (8000 * np.sin(2 * np.pi * 250 * _MOMENTS)).astype("<i2").tobytes()
"""A frame of 250 Hz: speech, for a scripted VAD; its ends meet, so frames join without a click."""
QUIET = bytes(FRAME_SAMPLES * SAMPLE_BYTES)


@dataclass(slots=True)
class Said:
    """An output and when it was said, in loop seconds."""

    at: float
    output: Output


class Loudspeaker:
    """A client's ear: plays what it gets at its rate, holds, flushes, and reports each 200 ms when it `reports`."""

    def __init__(self, rate: int, *, reports: bool) -> None:
        self.rate = rate
        self.reports = reports
        self.reply = 0
        self.received = 0
        self.played = 0.0
        self.holding = False
        self.session: Session | None = None
        self.flushed = 0
        self.stale = 0
        """Pieces of a reply that came after its flush. Must stay 0."""
        self.gaps = 0
        self.twice = 0
        self._since = 0.0

    def take(self, output: Output) -> None:
        match output:
            case ReplyAudio(reply, offset, pcm):
                if reply <= self.flushed:
                    self.stale += 1
                    return
                if reply != self.reply:
                    self.reply, self.received, self.played = reply, 0, 0.0
                    self.holding = False
                self.gaps += offset > self.received
                self.twice += offset < self.received
                self.received = max(self.received, offset + len(pcm) // SAMPLE_BYTES)
            case Hold():
                self.holding = True
            case Release():
                self.holding = False
            case Flush(reply):
                self._report()
                self.flushed = max(self.flushed, reply)
                self.holding = False
            case _:
                pass

    def tick(self, seconds: float) -> None:
        """Let the loudspeaker play for so long."""
        if self.reply <= self.flushed or self.holding:
            return
        self.played = min(self.played + seconds * self.rate, float(self.received))
        self._since += seconds
        if self._since >= 0.2:
            self._since = 0.0
            self._report()

    def _report(self) -> None:
        if self.reports and self.session is not None and self.reply > self.flushed:
            self.session.handle(Played(self.reply, self.played * 1000 / self.rate))


@dataclass(slots=True)
class Rehearsal:
    """The scripted house and one client in it. Every part can be replaced before it is entered."""

    heard: Sequence[str] | str = "what is this"
    reply: Sequence[str] | str = "This is a reply of some words."
    spec: SessionSpec = field(default_factory=lambda: SessionSpec("rehearsal", output_rate=16_000))
    limits: SessionLimits = field(default_factory=SessionLimits)
    policy: TurnPolicy = field(default_factory=TurnPolicy)
    pool: PoolSettings = field(default_factory=PoolSettings)
    vad: Vad = field(default_factory=ScriptedVad)
    recognizer: Recognizer | None = None
    model: LanguageModel | None = None
    synthesizer: Synthesizer | None = None
    responder: Responder | None = None
    judge: InterruptionJudge = field(default_factory=RuleJudge)
    ring_text: Callable[[Timer, str], str] | None = None
    clock: Callable[[], datetime] = field(default_factory=lambda: wall_clock)
    observe: Observe = unobserved
    resumes: Resumes = field(default_factory=NoResumes)
    reports: bool = True
    reply_limit_ms: int = 300_000
    said: list[Said] = field(default_factory=list)
    sessions: Sessions = field(init=False)
    session: Session = field(init=False)
    speaker: Loudspeaker = field(init=False)
    local: LocalPool = field(init=False)
    batcher: VadBatcher = field(init=False)
    _stack: AsyncExitStack = field(init=False)

    async def __aenter__(self) -> Rehearsal:
        self._stack = AsyncExitStack()
        self.speaker = Loudspeaker(self.spec.output_rate, reports=self.reports)
        house = self.house()
        self.sessions = await self._stack.enter_async_context(Sessions(house))
        if self.spec.kind == "duplex":
            await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def house(self) -> House:
        """The composition, with scripted models where none were given."""
        skills = Skills.load()
        responder = self.responder or SkillsFirst(skills, self.model or ScriptedModel(self.reply), self.clock)
        self.batcher = VadBatcher(self.vad)
        self._stack.callback(self.batcher.close)
        parts = Parts(
            self.batcher,
            self.recognizer or ScriptedRecognizer(self.heard),
            responder,
            self.synthesizer or ScriptedSynthesizer(rate=self.spec.output_rate),
            self.judge,
            self.policy,
            reply_limit_ms=self.reply_limit_ms,
        )
        self.local = LocalPool(CascadeProcessor(parts), self.pool)
        ring_text = self.ring_text or skills.ring_text
        frames, seconds = aio.Ticker(0.02), aio.Ticker(1.0)
        return House(self.local, self.limits, self.clock, ring_text, frames, seconds, self.observe, self.resumes)

    async def open(self, resume: str | None = None) -> Session:
        """Connect (again)."""
        self.session = await self.sessions.open(self.spec, self, resume)
        self.speaker.session = self.session
        return self.session

    # ── the client ────────────────────────────────────────────────────────────────────────────

    def send(self, output: Output) -> None:
        """The outlet: what the session says."""
        self.said.append(Said(aio.now(), output))
        self.speaker.take(output)

    async def speak(self, milliseconds: int) -> None:
        await self._frames(LOUD, milliseconds)

    async def quiet(self, milliseconds: int) -> None:
        await self._frames(QUIET, milliseconds)

    async def wait(self, milliseconds: int) -> None:
        """Time passes and no sound is sent."""
        for _ in range(milliseconds // FRAME_MS):
            await asyncio.sleep(FRAME_MS / 1000)
            self.speaker.tick(FRAME_MS / 1000)

    async def _frames(self, frame: bytes, milliseconds: int) -> None:
        for _ in range(milliseconds // FRAME_MS):
            self.session.audio(frame)
            await asyncio.sleep(FRAME_MS / 1000)
            self.speaker.tick(FRAME_MS / 1000)

    # ── what was said ─────────────────────────────────────────────────────────────────────────

    def all(self, kind: type[T]) -> list[T]:
        return [said.output for said in self.said if isinstance(said.output, kind)]

    def last(self, kind: type[T]) -> T:
        return self.all(kind)[-1]

    def when(self, kind: type[Output], index: int = 0) -> float:
        """The moment of the `index`-th output of that kind, in loop seconds."""
        return [said.at for said in self.said if isinstance(said.output, kind)][index]

    def transcripts(self) -> list[str]:
        """Final ones."""
        return [update.text for update in self.all(TranscriptUpdate) if update.final]

    def texts(self) -> list[str]:
        """The whole text of each reply, by number."""
        replies = [started.reply for started in self.all(ReplyStarted)]
        return ["".join(t.delta for t in self.all(ReplyText) if t.reply == reply) for reply in replies]

    def heard_texts(self) -> list[str]:
        return [done.heard_text for done in self.all(ReplyDone)]

    def problems(self) -> list[str]:
        return [problem.code for problem in self.all(Problem)]

    def story(self) -> list[str]:
        """Who did what, in order, without sound: for reading and for comparing."""
        kinds = (ReplyStarted, Duck, Hold, Release, Flush, ReplyDone, Problem, Stopped)
        return [type(said.output).__name__ for said in self.said if isinstance(said.output, kinds)]

    def sound(self, reply: int) -> int:
        """Samples of that reply which were sent."""
        return sum(len(piece.pcm) for piece in self.all(ReplyAudio) if piece.reply == reply) // SAMPLE_BYTES

    def other(self, session_id: str) -> SessionSpec:
        """The same wishes for another session."""
        return replace(self.spec, session_id=session_id)


def wall_clock() -> datetime:
    """Virtual wall time: noon of a fixed day and the loop's seconds since."""
    return datetime.fromtimestamp(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp() + aio.now(), UTC)
