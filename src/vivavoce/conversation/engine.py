"""The engine of a session: what must outlive a connection and a worker.

    channel ── audio, inputs ──▶ Session ── feed, handle ──▶ view (of a leased processor)
            ◀── outputs, paced ──        ◀──── outputs ─────

It keeps the history true to what was heard, paces the sound, carries out the effects of skills, keeps the
session for a client that lost its connection, and ends it at its limits. It decides nothing about turns.

One TaskGroup per session owns every task of it. Everything else happens in callbacks on the loop: outputs of
the view, inputs of the channel, and two shared tickers (the frame of the playout, the second of the limits).
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vivavoce import aio
from vivavoce.conversation.heard import HeardLedger
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
    EndReason,
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
from vivavoce.conversation.playout import Playout
from vivavoce.conversation.skills import SetTimer, SkillMemory
from vivavoce.conversation.views import Conversation, SessionSpec, View
from vivavoce.errors import Refused

MISSED = 512
"""Outputs (without sound) kept for a client that lost its connection; the oldest go beyond that."""
LAST_REPORT_S = 0.3
"""After a flush the client's last report of what was played is waited for so long."""
SELF_REPORT_S = 0.5
"""A client that does not report is reported on, by the sample clock, this often."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds; reaching one ends the session (or what it names) with a reason."""

    session_s: float = 4 * 3600
    pause_s: float = 300
    resume_s: float = 60
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
    ring_text: Callable[[str, int, str], str]
    """What to say when a timer rings: its label, its seconds, the language."""
    frames: aio.Ticker
    seconds: aio.Ticker


@dataclass(slots=True)
class _Speaking:
    """The reply that is being played, or whose flush is being settled."""

    number: int
    ledger: HeardLedger
    end: EndReason = "completed"
    flushed: EndReason | None = None
    flushed_ms: float = 0.0
    fed_back: float = 0.0
    text_length: int = 0


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
        self._early: deque[bytes | UserInput] = deque(maxlen=1024)
        self._playout = Playout(spec.output_rate, house.limits.lead_ms)
        self._holds: set[str] = set()
        self._speaking: _Speaking | None = None
        self._reports = False
        self._alarms: dict[int, asyncio.TimerHandle] = {}
        self._settle: asyncio.TimerHandle | None = None
        self._in_speech = False
        self._paused_at: float | None = None
        self._lost_at: float | None = None
        self._heard_at = self._began = self._active_at = aio.now()
        self._closing: asyncio.Event = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._take = {
            ReplyStarted: self._on_reply_started,
            ReplyText: self._on_reply_text,
            ReplyAudio: self._on_reply_audio,
            ReplyAudioEnd: self._on_reply_audio_end,
            Hold: self._on_hold,
            Release: self._on_release,
            Flush: self._on_flush,
            Act: self._on_act,
            Prefilled: self._on_prefilled,
            SpeechStarted: self._on_speech,
            SpeechEnded: self._on_speech,
            Stopped: self._on_stopped,
        }

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
                self._prepare(resumed=False)
                self._house.seconds.add(self._check)
                if not ready.done():
                    ready.set_result(None)
                await self._closing.wait()
                for task in (self._leasing, self._view_task):
                    if task is not None:
                        task.cancel()
        finally:
            self._close()

    def _close(self) -> None:
        self._house.seconds.remove(self._check)
        self._house.frames.remove(self._pump)
        for alarm in self._alarms.values():
            alarm.cancel()
        if self._settle is not None:
            self._settle.cancel()
        if self._lease is not None:
            self._lease.release()
        self._outlet = None
        self._closing.set()

    def end(self, last: Output) -> None:
        """End the session; `last` is a Stopped or a fatal Problem. Safe to call twice."""
        if not self._closing.is_set():
            if self._speaking is not None:
                self._finish(self._speaking, self._speaking.flushed or "stopped")
            self._send(last)
            self._closing.set()

    @property
    def over(self) -> bool:
        return self._closing.is_set()

    @property
    def attached(self) -> bool:
        """A client is connected."""
        return self._outlet is not None

    @property
    def replying(self) -> bool:
        """A reply is being played."""
        return self._speaking is not None

    # ── the lease and the view ────────────────────────────────────────────────────────────────

    async def _acquire(self) -> None:
        lease = await self._house.leases.acquire(self.spec, self._send)
        self._lease = lease
        self._send(QueueDone(lease.waited_ms))
        view = lease.processor.open(self.spec, self._conversation, self._output)
        assert self._group is not None
        self._view_task = aio.spawn(self._group, view.run(), f"view {self.id}")
        await asyncio.sleep(0)  # the view's run has begun: it takes events from now on
        self._view = view
        self._active_at = aio.now()
        early, self._early = self._early, deque(maxlen=self._early.maxlen)
        for item in early:
            if isinstance(item, bytes):
                view.feed(item)
            else:
                view.handle(item)

    async def _acquire_for_turn(self) -> None:
        try:
            await self._acquire()
        except Refused as refusal:
            self._early.clear()
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
        self._lease.release()
        self._lease = None

    def _to_view(self, item: bytes | UserInput) -> None:
        self._active_at = aio.now()
        if self._view is not None:
            if isinstance(item, bytes):
                self._view.feed(item)
            else:
                self._view.handle(item)
            return
        self._early.append(item)
        if self.spec.kind == "streaming" and self._leasing is None and self._group is not None:
            self._leasing = aio.spawn(self._group, self._acquire_for_turn(), f"lease {self.id}")

    # ── what the person does ──────────────────────────────────────────────────────────────────

    def audio(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM. While paused it is dropped."""
        if self._paused_at is not None or self._closing.is_set():
            return
        self._heard_at = aio.now()
        self._to_view(pcm)

    def handle(self, event: UserInput) -> None:
        """What the person does. Raises WrongOrder when it makes no sense now."""
        if self._closing.is_set():
            return
        match event:
            case Played():
                self._on_played(event)
            case Pause():
                self._pause()
            case Unpause():
                self._unpause()
            case Stop():
                self.end(Stopped("stopped"))
            case _:
                self._to_view(event)

    def _on_played(self, event: Played) -> None:
        speaking = self._speaking
        if speaking is None or event.reply != speaking.number:
            return
        self._reports = True
        now = aio.now()
        if speaking.flushed:
            speaking.flushed_ms = max(speaking.flushed_ms, event.ms)
            return
        self._playout.played(event.ms, now)
        self._feed_back(speaking, now)

    def _pause(self) -> None:
        if self._paused_at is None:
            self._paused_at = aio.now()
            self._hold("pause")
            self._send(Paused(self._house.limits.pause_s))
            self._send(StateChanged("paused"))

    def _unpause(self) -> None:
        if self._paused_at is not None:
            self._paused_at = None
            self._send(Resumed())
            self._send(StateChanged("speaking" if self._speaking else "listening"))
            self._let_go("pause")

    # ── connection ────────────────────────────────────────────────────────────────────────────

    def detach(self, outlet: Outlet) -> None:
        """The connection is gone; the session is kept for a while. Ignored when another one took over."""
        if self._outlet is outlet:
            self._outlet = None
            self._lost_at = aio.now()
            self._hold("lost")

    def attach(self, outlet: Outlet) -> None:
        """Go on with a new connection, from the sound heard last. The old one, if any, is told `replaced`."""
        if self._outlet is not None:
            self._outlet.send(Problem("replaced", "This conversation goes on in another place.", fatal=True))
            self._hold("lost")
        self._outlet = outlet
        self._lost_at = None
        self._prepare(resumed=True)
        missed, self._missed = list(self._missed), deque(maxlen=MISSED)
        for output in missed:
            self._send(output)
        if self._playout.reply is not None:
            self._playout.rewind(aio.now())
        self._let_go("lost")

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
        if self._closing.is_set():
            return
        take = self._take.get(type(output))
        if take is None:
            self._send(output)
        else:
            take(output)  # type: ignore[operator]

    def _on_reply_started(self, output: ReplyStarted) -> None:
        if self._speaking is not None:
            self._finish(self._speaking, self._speaking.flushed or "interrupted")
        self._conversation.replies = output.reply
        self._conversation.history.open(output.reply, output.said)
        self._speaking = _Speaking(output.reply, HeardLedger(self.spec.output_rate))
        now = aio.now()
        self._playout.begin(output.reply, now)
        for _ in self._holds & {"pause", "lost"}:
            self._playout.hold(now)
        self._holds.discard("view")
        self._house.frames.add(self._pump)
        self._send(output)

    def _on_reply_text(self, output: ReplyText) -> None:
        speaking = self._current(output.reply)
        if speaking is None:
            return
        start = speaking.text_length
        speaking.text_length += len(output.delta)
        speaking.ledger.text(output.delta)
        if output.at is not None:
            speaking.ledger.timing(start, speaking.text_length, output.at)
        self._send(output)

    def _on_reply_audio(self, output: ReplyAudio) -> None:
        if self._current(output.reply) is not None:
            self._playout.push(output.offset, output.pcm)
            self._pump(aio.now())

    def _on_reply_audio_end(self, output: ReplyAudioEnd) -> None:
        speaking = self._current(output.reply)
        if speaking is not None:
            speaking.end = output.reason
            speaking.ledger.end(output.length)
            self._playout.end(output.length)
            self._pump(aio.now())

    def _on_hold(self, output: Hold) -> None:
        self._hold("view")
        self._send(output)

    def _on_release(self, output: Release) -> None:
        self._send(output)
        self._let_go("view")

    def _on_flush(self, output: Flush) -> None:
        speaking = self._current(output.reply)
        self._send(output)
        if speaking is None:
            return
        speaking.flushed = output.reason
        speaking.flushed_ms = self._playout.position_ms(aio.now())
        self._playout.flush()
        self._holds.discard("view")
        self._house.frames.remove(self._pump)
        heard = speaking.ledger.heard(speaking.flushed_ms)
        self._conversation.history.hear(speaking.number, heard)
        if self._reports and self._outlet is not None:
            loop = asyncio.get_running_loop()
            self._settle = loop.call_later(LAST_REPORT_S, self._finish, speaking, output.reason)
        else:
            self._finish(speaking, output.reason)

    def _on_act(self, output: Act) -> None:
        memory = self._conversation.memory
        memory.commit(output.effects, self._house.clock())
        for effect in output.effects:
            if isinstance(effect, SetTimer) and effect.id in memory.timers:
                loop = asyncio.get_running_loop()
                self._alarms[effect.id] = loop.call_later(effect.seconds, self._ring, effect.id)
        for gone in self._alarms.keys() - memory.timers.keys():
            self._alarms.pop(gone).cancel()

    def _ring(self, number: int) -> None:
        self._alarms.pop(number, None)
        timer = self._conversation.memory.timers.pop(number, None)
        if timer is None:
            return
        text = self._house.ring_text(timer.label, timer.seconds, self.spec.language)
        if self._view is not None:
            self._view.announce(text)
        else:
            self._send(Problem("announcement", text))

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

    # ── the sound of the reply ────────────────────────────────────────────────────────────────

    def _current(self, reply: int) -> _Speaking | None:
        """The reply of that number, while it may still sound. Nothing older leaves the process."""
        speaking = self._speaking
        return speaking if speaking is not None and speaking.number == reply and not speaking.flushed else None

    def _hold(self, why: str) -> None:
        self._holds.add(why)
        self._playout.hold(aio.now())

    def _let_go(self, why: str) -> None:
        self._holds.discard(why)
        if not self._holds:
            now = aio.now()
            self._playout.release(now)
            if self._speaking is not None and not self._speaking.flushed:
                self._pump(now)

    def _pump(self, now: float) -> None:
        """Send what is due; end the reply when it has been played. Called each frame while a reply sounds."""
        speaking = self._speaking
        if speaking is None:
            return
        for offset, pcm in self._playout.due(now):
            self._send(ReplyAudio(speaking.number, offset, pcm))
        if self._playout.finished(now):
            self._finish(speaking, speaking.end)
        elif not self._reports and now - speaking.fed_back >= SELF_REPORT_S:
            self._feed_back(speaking, now)

    def _feed_back(self, speaking: _Speaking, now: float) -> None:
        """Tell the view how far its reply has been heard: it makes room for more."""
        speaking.fed_back = now
        if self._view is not None:
            self._view.handle(Played(speaking.number, self._playout.position_ms(now)))

    def _finish(self, speaking: _Speaking, reason: EndReason) -> None:
        """The reply is over: what was heard of it becomes history, and nothing else."""
        if self._speaking is not speaking:
            return
        self._speaking = None
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        self._house.frames.remove(self._pump)
        now = aio.now()
        if speaking.flushed:
            ms = speaking.flushed_ms
        else:
            ms = self._playout.position_ms(now)
            self._playout.flush()
        whole = reason in ("completed", "limit", "failed") and not speaking.flushed
        heard = speaking.ledger.heard(float("inf") if whole else ms)
        self._conversation.history.close(speaking.number, heard, interrupted=not whole)
        if heard:
            self._conversation.memory.last_reply = heard
        self._send(ReplyDone(speaking.number, reason, round(ms), heard))
        if self._view is not None:
            self._view.over(speaking.number)
        self._give_back()

    # ── limits ────────────────────────────────────────────────────────────────────────────────

    def _check(self, now: float) -> None:
        """Once a second."""
        limits = self._house.limits
        if now - self._began > limits.session_s:
            self.end(Problem("session_limit", "This session has come to its limit; start a new one.", fatal=True))
        elif self._lost_at is not None and now - self._lost_at > limits.resume_s:
            self.end(Stopped("gone"))
        elif self._paused_at is not None and now - self._paused_at > limits.pause_s:
            self.end(Stopped("idle"))
        elif self.spec.kind == "streaming" and now - self._active_at > limits.lease_idle_s and not self._speaking:
            self._give_back()
        elif self._in_speech and self.attached and now - self._heard_at > limits.input_gap_s and self._view:
            self._in_speech = False
            self._view.handle(Commit())
