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
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from vivavoce import aio
from vivavoce.conversation.early import Early
from vivavoce.conversation.events import ANNOUNCEMENTS
from vivavoce.conversation.history import History
from vivavoce.conversation.inputs import (
    Commit,
    Pause,
    Played,
    Stop,
    Unpause,
    UserInput,
)
from vivavoce.conversation.leases import Lease, Leases
from vivavoce.conversation.outputs import (
    Act,
    Flush,
    Hold,
    Output,
    Paused,
    Prefilled,
    Prepared,
    Problem,
    Queued,
    QueueDone,
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
from vivavoce.conversation.performance import Performance
from vivavoce.conversation.skills import SkillMemory, Timer
from vivavoce.conversation.views import Conversation, SessionSpec, View
from vivavoce.errors import BadInput, Refused, WrongOrder
from vivavoce.inference.ports import ChatMessage

MISSED = 512
"""Outputs (without sound) kept for a client that lost its connection; the oldest go beyond that."""


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


class Outlet(Protocol):
    """What a channel gives a session to speak through."""

    def send(self, output: Output) -> None:
        """Never blocks, never raises; called on the loop."""
        ...


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


class Session:
    """One claim on a conversation. Made by `Sessions` (sessions.py), driven by a channel."""

    def __init__(self, spec: SessionSpec, house: House, outlet: Outlet) -> None:
        self.spec = spec
        self.id = spec.session_id
        self.token = ""
        self._house = house
        self._outlet: Outlet | None = outlet
        self._missed: deque[Output] = deque(maxlen=MISSED)
        self._conversation = Conversation(History(), SkillMemory())
        self._view: View | None = None
        self._lease: Lease | None = None
        self._leasing: asyncio.Task[None] | None = None
        self._view_task: asyncio.Task[None] | None = None
        self._early = Early()
        self._unsaid: deque[str] = deque(maxlen=ANNOUNCEMENTS)
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the session ends; a fault of a callback is its exception."""
        self._over = False
        self._check = aio.carrying(self._closing, self._look)
        self._performance = Performance(
            spec.output_rate,
            house.limits.lead_ms,
            house.frames,
            self._send,
            self._on_done,
            self._on_progress,
            self._closing,
        )
        self._alarms: dict[int, asyncio.TimerHandle] = {}
        self._silence: asyncio.Future[None] | None = None
        self._in_speech = False
        self._paused_at: float | None = None
        self._lost_at: float | None = None
        self._heard = self._active = False
        """Whether sound, or anything, came since `_look` looked last."""
        self._heard_at = self._began = self._active_at = aio.now()
        self._group: asyncio.TaskGroup | None = None

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    async def run(self, ready: asyncio.Future[None]) -> None:
        """The session's whole life; owns its tasks. `ready` resolves when it is prepared, or with its refusal."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                if self.spec.kind == "duplex":
                    try:
                        await self._acquire()
                    except Refused as refusal:
                        if not ready.done():
                            ready.set_exception(refusal)
                        return
                else:
                    self._prepare(resumed=False)
                self._house.seconds.add(self._check)
                if not ready.done():
                    ready.set_result(None)
                await self._closing
                for task in (self._leasing, self._view_task):
                    if task is not None:
                        task.cancel()
        finally:
            self._close()

    def _close(self) -> None:
        self._house.seconds.remove(self._check)
        self._performance.close()
        for alarm in self._alarms.values():
            alarm.cancel()
        if self._lease is not None:
            self._lease.release()

    def end(self, last: Output) -> None:
        """End the session; `last` is a Stopped or a fatal Problem. Safe to call twice."""
        if self._over:
            return
        self._over = True
        self._view = None  # it is about to be cancelled: the end of the reply is no reason to begin another one
        self._performance.finish("stopped")
        self._send(last)
        self._outlet = None
        if not self._closing.done():
            self._closing.set_result(None)

    @property
    def over(self) -> bool:
        return self._over

    @property
    def attached(self) -> bool:
        """A client is connected."""
        return self._outlet is not None

    async def silent(self) -> None:
        """Wait until no reply is being played."""
        while self._performance.playing and not self.over:
            self._silence = asyncio.get_running_loop().create_future()
            await self._silence

    @property
    def memory(self) -> SkillMemory:
        """What the skills keep of this conversation; read only."""
        return self._conversation.memory

    def messages(self) -> tuple[ChatMessage, ...]:
        """The history so far, as a model reads it: what was said and what was heard."""
        return self._conversation.history.messages()

    # ── the lease and the view ────────────────────────────────────────────────────────────────

    async def _acquire(self) -> None:
        lease = await self._house.leases.acquire(self.spec, self._send)
        self._lease = lease
        self._active = True  # the wait in the queue was not idleness
        self._send(QueueDone(lease.waited_ms))
        if self.spec.kind == "duplex":
            self._prepare(resumed=False)
        view = lease.processor.open(self.spec, self._conversation, self._output)
        assert self._group is not None
        self._view_task = aio.spawn(self._group, view.run(), f"view {self.id}")
        await asyncio.sleep(0)  # the view's run has begun: it takes events from now on
        self._view = view
        self._active = True
        for item in self._early.take():
            try:
                if isinstance(item, bytes):
                    view.feed(item)
                else:
                    view.handle(item)
            except BadInput as error:  # its sender is not waiting for the answer any more
                self._send(Problem(error.code, error.message))
        while self._unsaid:
            view.announce(self._unsaid.popleft())

    async def _acquire_for_turn(self) -> None:
        try:
            await self._acquire()
        except Refused as refusal:
            self._early.take()
            self._send(Problem(refusal.code, refusal.message, retryable=True, retry_after_s=refusal.retry_after_s))
        finally:
            self._leasing = None

    def _give_back(self) -> None:
        """Turn-based: the turn is over, its slot is somebody else's."""
        if self.spec.kind == "duplex" or self._lease is None:
            return
        if self._view_task is not None:
            self._view_task.cancel()
        self._view = self._view_task = None
        self._in_speech = False
        self._lease.release()
        self._lease = None

    def _give_up(self) -> None:
        """Turn-based: nothing came for a while. A turn that was begun is told of, its slot goes back."""
        if self._view is not None and not self._view.idle:
            self._send(Problem("utterance_limit", "Nothing more came, so this turn was given up.", retryable=True))
        self._give_back()

    def _to_view(self, event: UserInput) -> None:
        self._active = True
        if self._view is not None:
            self._view.handle(event)
        else:
            self._keep(event)

    def _keep(self, item: bytes | UserInput) -> None:
        """There is no slot yet; what comes meanwhile waits for it. Raises BadInput when too much waits."""
        self._early.add(item)
        self._want_lease()

    def _want_lease(self) -> None:
        """Turn-based: there is work, so a slot is needed; duplex sessions get theirs once, at the beginning."""
        if self.spec.kind == "streaming" and self._leasing is None and self._group is not None:
            self._leasing = aio.spawn(self._group, self._acquire_for_turn(), f"lease {self.id}")

    # ── what the person does ──────────────────────────────────────────────────────────────────

    def audio(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM. While paused it is dropped."""
        if self._paused_at is not None or self._closing.done():
            return
        # Fifty times a second for each session: no clock is read here, `_look` does it once a second.
        self._heard = True
        self._active = True
        if self._view is not None:
            self._view.feed(pcm)
        else:
            self._keep(pcm)

    def handle(self, event: UserInput) -> None:
        """What the person does. Raises WrongOrder when it makes no sense now."""
        if self._closing.done():
            return
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
                self._to_view(event)

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
        if self._outlet is outlet:
            self._outlet = None
            self._lost_at = aio.now()
            self._performance.hold("lost")

    def attach(self, outlet: Outlet) -> None:
        """Go on with a new connection, from the sound heard last. The old one, if any, is told `replaced`."""
        if self._outlet is not None:
            self._outlet.send(Problem("replaced", "This conversation goes on in another place.", fatal=True))
            self._performance.hold("lost")
        self._outlet = outlet
        self._lost_at = None
        self._heard = True  # somebody who was cut off in the middle of a sentence gets a moment to go on
        self._prepare(resumed=True)
        missed, self._missed = list(self._missed), deque(maxlen=MISSED)
        for output in missed:
            self._send(output)
        self._performance.rewind()
        self._performance.release("lost")

    def _prepare(self, *, resumed: bool) -> None:
        info, limits = self._house.leases.info, self._house.limits
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
            )
        )

    def _send(self, output: Output) -> None:
        if self._outlet is not None:
            self._outlet.send(output)
        elif not isinstance(output, ReplyAudio | Queued):
            self._missed.append(output)

    # ── what the view says ────────────────────────────────────────────────────────────────────

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

    def _on_reply_text(self, output: ReplyText) -> None:
        if self._performance.text(output.reply, output.delta, output.at):
            self._send(output)

    def _on_reply_audio(self, output: ReplyAudio) -> None:
        self._performance.sound(output.reply, output.offset, output.pcm)

    def _on_reply_audio_end(self, output: ReplyAudioEnd) -> None:
        self._performance.end(output.reply, output.length, output.reason)

    def _on_hold(self, output: Hold) -> None:
        self._performance.hold("view")
        self._send(output)

    def _on_release(self, output: Release) -> None:
        self._send(output)
        self._performance.release("view")

    def _on_flush(self, output: Flush) -> None:
        self._send(output)
        heard = self._performance.flush(output.reply, output.reason, attached=self.attached)
        self._conversation.history.hear(output.reply, heard)

    def _on_act(self, output: Act) -> None:
        memory = self._conversation.memory
        memory.commit(output.effects, self._house.clock())
        loop = asyncio.get_running_loop()
        for number in memory.timers.keys() - self._alarms.keys():
            # By the loop's clock: whoever sets the wall clock moves no timer.
            ring = aio.carrying(self._closing, self._ring)
            self._alarms[number] = loop.call_later(memory.timers[number].seconds, ring, number)
        for gone in self._alarms.keys() - memory.timers.keys():
            self._alarms.pop(gone).cancel()

    def _ring(self, number: int) -> None:
        self._alarms.pop(number, None)
        timer = self._conversation.memory.timers.pop(number, None)
        if timer is None:
            return
        text = self._house.ring_text(timer, self.spec.language)
        if self._view is not None:
            self._view.announce(text)
        else:
            self._unsaid.append(text)
            self._want_lease()

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
        self.end(output)

    def _on_done(self, done: ReplyDone, whole: bool) -> None:
        """A reply is over: what was heard of it becomes history, and nothing else."""
        self._conversation.history.close(done.reply, done.heard_text, interrupted=not whole)
        if done.heard_text:
            self._conversation.memory.last_reply = done.heard_text
        self._send(done)
        if self._view is not None:
            self._view.over(done.reply)
            if self._view.idle:
                self._give_back()
        if self._silence is not None and not self._silence.done():
            self._silence.set_result(None)

    def _on_progress(self, reply: int, ms: float) -> None:
        if self._view is not None:
            self._view.handle(Played(reply, ms))

    # ── limits ────────────────────────────────────────────────────────────────────────────────

    def _look(self, now: float) -> None:
        """Once a second."""
        limits = self._house.limits
        if self._heard:
            self._heard, self._heard_at = False, now
        if self._active:
            self._active, self._active_at = False, now
        if now - self._began > limits.session_s:
            self.end(Problem("session_limit", "This session has come to its limit; start a new one.", fatal=True))
        elif self._lost_at is not None and now - self._lost_at > limits.resume_s:
            self.end(Stopped("gone"))
        elif self._forgotten(now):
            self.end(Stopped("idle"))
        elif (
            self.spec.kind == "streaming"
            and now - self._active_at > limits.lease_idle_s
            and not self._performance.playing
        ):
            self._give_up()
        elif self._in_speech and self.attached and now - self._heard_at > limits.input_gap_s and self._view:
            self._in_speech = False
            with contextlib.suppress(WrongOrder):  # the view has closed it by itself
                self._view.handle(Commit())

    def _forgotten(self, now: float) -> bool:
        """It holds a slot and nobody is there: it was paused, or nothing comes, nothing is said, no timer will ring."""
        if self._paused_at is not None:
            return now - self._paused_at > self._house.limits.pause_s
        quiet = not self._performance.playing and not self._alarms
        return self.spec.kind == "duplex" and quiet and now - self._active_at > self._house.limits.idle_s


_TAKE: dict[type[Output], Callable[[Session, Any], None]] = {
    ReplyStarted: Session._on_reply_started,
    ReplyText: Session._on_reply_text,
    ReplyAudio: Session._on_reply_audio,
    ReplyAudioEnd: Session._on_reply_audio_end,
    Hold: Session._on_hold,
    Release: Session._on_release,
    Flush: Session._on_flush,
    Act: Session._on_act,
    Prefilled: Session._on_prefilled,
    SpeechStarted: Session._on_speech,
    SpeechEnded: Session._on_speech,
    Stopped: Session._on_stopped,
}
"""Outputs of the view that mean something to the engine; all others go straight to the channel."""
