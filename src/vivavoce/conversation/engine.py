"""The engine of a session: what must outlive a connection and a worker.

    channel ── audio, inputs ──▶ Session ── feed, handle ──▶ view (of a leased processor)
            ◀── outputs, paced ──        ◀──── outputs ─────

It keeps the history true to what was heard, paces the sound, carries out the effects of skills, keeps the
session for a client that lost its connection, and ends it at its limits. It decides nothing about turns.

One TaskGroup per session owns every task of it. Everything else happens in callbacks on the loop: outputs of
the view, inputs of the channel, and two shared tickers (the frame of the playout, the second of the limits).
What a timer or ticker calls hands its faults to the session's own task: they end this session and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vivavoce import aio
from vivavoce.conversation.alarms import Alarms
from vivavoce.conversation.client import Client, Outlet
from vivavoce.conversation.history import History
from vivavoce.conversation.inputs import (
    Commit,
    Pause,
    Played,
    Stop,
    Unpause,
    UserInput,
)
from vivavoce.conversation.leases import Leases
from vivavoce.conversation.observer import Observe, unobserved
from vivavoce.conversation.outputs import (
    Act,
    Flush,
    Hold,
    Output,
    Paused,
    Prefilled,
    Prepared,
    Problem,
    Release,
    ReplyAudio,
    ReplyAudioEnd,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    Resumed,
    SpeechEnded,
    SpeechStarted,
    StateChanged,
    Stopped,
)
from vivavoce.conversation.performance import Made, Performance
from vivavoce.conversation.seat import Seat
from vivavoce.conversation.skills import SkillMemory, Timer
from vivavoce.conversation.snapshot import NoResumes, Resumes, Snapshot
from vivavoce.conversation.views import Conversation, SessionSpec
from vivavoce.errors import Refused, WrongOrder
from vivavoce.inference.ports import ChatMessage


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds; reaching one ends the session (or what it names) with a reason."""

    session_s: float = 4 * 3600
    pause_s: float = 300
    resume_s: float = 60
    idle_s: float = 30 * 60
    """A duplex session to which nothing at all came for so long; where sound comes, the silence in it is counted."""
    input_gap_s: float = 1.5
    """In the middle of an utterance, this long without sound ends it: a muted client may send nothing."""
    lease_idle_s: float = 60
    """Turn-based: a lease without work goes back after this."""
    lead_ms: int = 160
    """Sound is sent this far ahead of real time."""


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share."""

    leases: Leases
    limits: SessionLimits
    clock: Callable[[], datetime]
    """Local, aware."""
    ring_text: Callable[[Timer, str], str]
    """What to say when a timer rings, in a language."""
    frames: aio.Ticker
    seconds: aio.Ticker
    observe: Observe = unobserved
    resumes: Resumes = field(default_factory=NoResumes)


class Session:
    """One claim on a conversation. Made by `Sessions` (sessions.py), driven by a channel."""

    def __init__(self, spec: SessionSpec, house: House, outlet: Outlet, snapshot: Snapshot | None = None) -> None:
        self.spec = spec
        self.id = spec.session_id
        self.token = ""
        self._house = house
        self._client = Client(outlet)
        self._conversation = Conversation(History(), SkillMemory())
        if snapshot is not None:
            snapshot.restore(self._conversation)
        self._resumed = snapshot is not None and not spec.conversation
        """It went on in another process, and goes on here."""
        self._observer = house.observe(spec, snapshot, self._client.send)
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the session ends; a fault of a callback is its exception."""
        self._over = self._left = False
        self._check = aio.carrying(self._closing, self._look)
        self._seat = Seat(
            spec,
            house.leases,
            self._conversation,
            emit=self._output,
            tell=self._send,
            on_lease=self._seated,
        )
        self._performance = Performance(
            spec.output_rate,
            house.limits.lead_ms,
            house.frames,
            self._send,
            self._on_done,
            self._on_progress,
            self._closing,
        )
        self._alarms = Alarms(self._conversation.memory, self._ring, self._closing)
        self._silence: asyncio.Future[None] | None = None
        self._in_speech = False
        self._paused_at: float | None = None
        self._heard = self._active = False
        """Whether sound, or anything, came since `_look` looked last."""
        self._heard_at = self._began = self._active_at = aio.now()

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    async def run(self, ready: asyncio.Future[None]) -> None:
        """The session's whole life; owns its tasks. `ready` resolves when it is prepared, or with its refusal."""
        try:
            async with asyncio.TaskGroup() as group:
                self._seat.join(group)
                try:
                    await self._begin()
                except Refused as refusal:
                    if not ready.done():
                        ready.set_exception(refusal)
                    return
                self._house.seconds.add(self._check)
                self._alarms.follow(self._house.clock())
                if not ready.done():
                    ready.set_result(None)
                await self._closing
                self._seat.close()
        finally:
            self._house.seconds.remove(self._check)
            self._performance.close()
            self._alarms.close()
            self._seat.close()

    async def _begin(self) -> None:
        if self.spec.kind == "duplex":
            await self._seat.take()
        else:
            self._prepare(resumed=self._resumed)

    def _seated(self) -> None:
        """The slot is there. The wait in the queue was not idleness."""
        self._active = True
        if self.spec.kind == "duplex":
            self._prepare(resumed=self._resumed)

    def end(self, last: Output) -> None:
        """End the session; `last` is a Stopped or a fatal Problem. Safe to call twice."""
        if self._over:
            return
        self._over = True
        self._seat.leave()  # the end of the reply is no reason to begin another one
        self._performance.finish("stopped")
        self._send(last)
        self._client.part()
        self.farewell(last)
        # Where it goes on, in this process or another, the snapshot is needed or has been replaced already.
        if not (isinstance(last, Problem) and last.code in ("restarting", "replaced")):
            self._house.resumes.drop(self.spec.owner, self.id)
        if not self._closing.done():
            self._closing.set_result(None)

    def farewell(self, last: Output) -> None:
        """Whoever looks on is told once that it is over, also with a session that never began."""
        if not self._left:
            self._left = True
            self._observer.ended(last)

    @property
    def over(self) -> bool:
        return self._over

    @property
    def attached(self) -> bool:
        """A client is connected."""
        return self._client.attached

    async def silent(self) -> None:
        """Wait until no reply is being played to anybody."""
        while self._performance.playing and self.attached and self._paused_at is None and not self.over:
            self._silence = asyncio.get_running_loop().create_future()
            await self._silence

    @property
    def memory(self) -> SkillMemory:
        """What the skills keep of this conversation; read only."""
        return self._conversation.memory

    def messages(self) -> tuple[ChatMessage, ...]:
        """The history so far, as a model reads it: what was said and what was heard."""
        return self._conversation.history.messages()

    # ── what the person does ──────────────────────────────────────────────────────────────────

    def audio(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM. While paused it is dropped."""
        if self._paused_at is not None or self._closing.done():
            return
        # Fifty times a second for each session: no clock is read here, `_look` does it once a second.
        self._heard = True
        self._active = True
        self._observer.heard(pcm)
        self._seat.feed(pcm)

    def handle(self, event: UserInput) -> None:
        """What the person does. Raises WrongOrder when it makes no sense now."""
        if self._closing.done():
            return
        self._observer.did(event)
        match event:
            case Played(reply, ms):
                self._performance.played(reply, ms)
            case Pause():
                self._pause()
            case Unpause():
                self._unpause()
            case Stop():
                self.end(Stopped("stopped"))
            case _:
                self._active = True
                self._seat.handle(event)

    def _pause(self) -> None:
        if self._paused_at is None:
            self._paused_at = aio.now()
            self._performance.hold("pause")
            self._send(Paused(self._house.limits.pause_s))
            self._send(StateChanged("paused"))

    def _unpause(self) -> None:
        if self._paused_at is not None:
            self._paused_at = None
            self._send(Resumed())
            self._send(StateChanged("speaking" if self._performance.playing else "listening"))
            self._performance.release("pause")

    # ── connection ────────────────────────────────────────────────────────────────────────────

    def detach(self, outlet: Outlet) -> None:
        """The connection is gone; the session is kept for a while. Ignored when another one took over."""
        if self._client.lose(outlet):
            self._performance.hold("lost")

    def attach(self, outlet: Outlet) -> None:
        """Go on with a new connection, from the sound heard last."""
        self._performance.hold("lost")
        self._client.meet(outlet)
        self._heard = True  # somebody who was cut off in the middle of a sentence gets a moment to go on
        self._prepare(resumed=True)
        self._client.catch_up()
        self._performance.rewind()
        self._performance.release("lost")

    def _prepare(self, *, resumed: bool) -> None:
        info, limits, kept = self._house.leases.info, self._house.limits, self._observer.kept
        self.token = secrets.token_urlsafe(32)
        self._send(
            Prepared(
                self.id,
                self.token,
                "omni" if info.kind == "omni" else "cascade",
                self.spec.output_rate,
                info.heard,
                info.spoken,
                {"session_s": limits.session_s, "pause_s": limits.pause_s, "resume_s": limits.resume_s},
                info.sends_to,
                resumed,
                self._observer.conversation,
                kept.transcript_days,
                kept.recording_days,
                kept.recording,
            )
        )
        self._keep()

    def _keep(self, heard: str = "") -> None:
        """What another process would need to go on from here; `heard` of the reply that sounds."""
        if self.spec.owner and self._observer.conversation:
            kept = Snapshot.of(self.spec, self._observer.conversation, self.token, self._conversation, heard)
            self._house.resumes.keep(kept)

    # ── what the view says ────────────────────────────────────────────────────────────────────

    def _send(self, output: Output) -> None:
        self._observer.output(output)
        self._client.send(output)

    def _output(self, output: Output) -> None:
        if self.over:
            return
        take = _TAKE.get(type(output))
        if take is None:
            self._send(output)
        else:
            take(self, output)

    def _on_reply_started(self, output: ReplyStarted) -> None:
        self._performance.begin(output.reply)
        self._conversation.replies = output.reply
        self._conversation.history.open(output.reply, output.said)
        self._send(output)
        self._keep()

    def _on_made(self, output: Made) -> None:
        self._performance.take(output)

    def _on_flush(self, output: Flush) -> None:
        self._send(output)
        heard = self._performance.flush(output.reply, output.reason, attached=self.attached)
        self._conversation.history.hear(output.reply, heard)

    def _on_act(self, output: Act) -> None:
        self._conversation.memory.commit(output.effects, self._house.clock())
        self._alarms.follow(self._house.clock())

    def _ring(self, timer: Timer) -> None:
        self._seat.announce(self._house.ring_text(timer, self.spec.language))

    def _on_prefilled(self, output: Prefilled) -> None:
        history = self._conversation.history
        if output.replace:
            history.replace(output.messages)
        else:
            history.extend(output.messages)
        self._send(output)

    def _on_speech(self, output: SpeechStarted | SpeechEnded) -> None:
        self._in_speech = isinstance(output, SpeechStarted)
        self._send(output)

    def _on_stopped(self, output: Stopped) -> None:
        if output.reason != "idle" or not self._alarms:  # a room may be quiet until its timer rings
            self.end(output)

    def _on_done(self, done: ReplyDone, whole: bool) -> None:
        """A reply is over: what was heard of it becomes history, and nothing else."""
        self._conversation.history.close(done.reply, done.heard_text, interrupted=not whole)
        if done.heard_text:
            self._conversation.memory.last_reply = done.heard_text
        self._send(done)
        self._keep()
        self._seat.over(done.reply)
        if self._silence is not None and not self._silence.done():
            self._silence.set_result(None)

    def _on_progress(self, reply: int, ms: float) -> None:
        if self._seat.taken:
            self._seat.handle(Played(reply, ms))

    # ── limits ────────────────────────────────────────────────────────────────────────────────

    def _look(self, now: float) -> None:
        """Once a second."""
        limits = self._house.limits
        if playing := self._performance.so_far():
            self._observer.progress(*playing)
            self._keep(playing[2])
        if self._heard:
            self._heard, self._heard_at = False, now
        if self._active:
            self._active, self._active_at = False, now
        if now - self._began > limits.session_s:
            self.end(Problem("session_limit", "This session has come to its limit; start a new one.", fatal=True))
        elif self._client.lost_at is not None and now - self._client.lost_at > limits.resume_s:
            self.end(Stopped("gone"))
        elif self._forgotten(now):
            self.end(Stopped("idle"))
        elif self.spec.kind == "streaming" and now - self._active_at > limits.lease_idle_s:
            self._give_up()
        elif self._in_speech and now - self._heard_at > limits.input_gap_s and self._hears():
            self._in_speech = False
            with contextlib.suppress(WrongOrder):  # the view has closed it by itself
                self._seat.handle(Commit())

    def _hears(self) -> bool:
        """Somebody is there who could go on speaking."""
        return self.attached and self._paused_at is None and self._seat.taken

    def _give_up(self) -> None:
        """Turn-based: nothing came for a while. A turn that was begun is told of, its slot goes back."""
        if self._performance.playing or not self._seat.taken:
            return
        if not self._seat.idle:
            late = "Nothing more came, so this turn was given up."
            self._send(Problem("utterance_limit", late, retryable=True))
        self._in_speech = False
        self._seat.give_back()

    def _forgotten(self, now: float) -> bool:
        """It holds a slot and nobody is there: it was paused, or nothing comes, nothing is said, no timer will ring."""
        if self._paused_at is not None:
            return now - self._paused_at > self._house.limits.pause_s
        quiet = not self._performance.playing and not self._alarms
        return self.spec.kind == "duplex" and quiet and now - self._active_at > self._house.limits.idle_s


_TAKE: dict[type[Output], Callable[[Session, Any], None]] = {
    ReplyStarted: Session._on_reply_started,
    ReplyText: Session._on_made,
    ReplyAudio: Session._on_made,
    ReplyAudioEnd: Session._on_made,
    Hold: Session._on_made,
    Release: Session._on_made,
    Flush: Session._on_flush,
    Act: Session._on_act,
    Prefilled: Session._on_prefilled,
    SpeechStarted: Session._on_speech,
    SpeechEnded: Session._on_speech,
    Stopped: Session._on_stopped,
}
"""Outputs of the view that mean something to the engine; all others go straight to the channel."""
