"""The duplex view of the cascade: listens and speaks at once. It drives the turn machine and carries out its commands.

    feed ─▶ windows ─▶ VAD batch ─▶ segmenter ─▶ turn machine ─▶ commands ─▶ Listening, Reply, emit
                                                     ▲
             partials, finals, first sound, played ──┘

Nothing here decides anything about turns; that is turn.py. Time is the session's audio time: sound reaches the
recogniser when it has been scored, so an utterance has its own sound and no other's, however fast it came in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vivavoce import aio
from vivavoce.audio.segmenter import Boundary, Ended
from vivavoce.conversation.cascade.ear import Ear
from vivavoce.conversation.cascade.listening import Listening
from vivavoce.conversation.cascade.metrics import TurnClock
from vivavoce.conversation.cascade.parts import Deaf, Parts, saying
from vivavoce.conversation.cascade.speaking import Reply
from vivavoce.conversation.events import (
    Announce,
    Arm,
    Cancel,
    Command,
    Commit,
    Disarm,
    Discard,
    Emit,
    End,
    Event,
    Final,
    FirstSound,
    Forget,
    Listen,
    Partial,
    Prepare,
    RecognitionFailed,
    Relisten,
    ReplyOver,
    Seal,
    Settle,
    TimerFired,
)
from vivavoce.conversation.inputs import Commit as UserCommit
from vivavoce.conversation.inputs import Interrupt, Played, UserInput, UserText, VideoFrame
from vivavoce.conversation.outputs import Flush, Stopped
from vivavoce.conversation.responder import Question
from vivavoce.conversation.turn import TurnMachine
from vivavoce.conversation.views import Conversation, SessionSpec
from vivavoce.conversation.views import Emit as EmitOutput
from vivavoce.inference.ports import Picture, Transcript


class DuplexCascade:
    """See the head of the module; the contract is conversation/views.py `View`."""

    def __init__(self, parts: Parts, spec: SessionSpec, conversation: Conversation, emit: EmitOutput) -> None:
        self._parts = parts
        self._spec = spec
        self._conversation = conversation
        self._emit = emit
        self._speech = parts.speech(spec, lambda: conversation.memory.volume)
        tail = parts.recognizer.capabilities.tail_ms
        policy = replace(parts.policy, patience=spec.patience, language=spec.language, tail=tail)
        self._machine = TurnMachine(policy, parts.judge, first_reply=conversation.replies + 1)
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Never done but by a fault in something that a back-end calls back."""
        self._listening = Listening(
            parts.recognizer,
            spec.language,
            on_partial=aio.carrying(self._fault, lambda text: self._step(Partial(text))),
            on_final=self._settled,
            on_failure=lambda number, message: self._step(RecognitionFailed(number, message)),
        )
        self._ear = Ear(
            parts.vad,
            parts.segmenter,
            self._listening,
            on_border=self._border,
            on_window=self._passed,
            owner=self._fault,
        )
        self._deaf = Deaf(parts, spec, emit)
        self._timers: dict[str, int] = {}
        self._next_timer: float = float("inf")
        self._events: deque[Event] = deque()
        self._busy = False
        self._prepared: dict[int, Reply] = {}
        self._reply: Reply | None = None
        self._clock = TurnClock()
        """Of the utterance that is being heard; a reply takes it along."""
        self._timed = TurnClock()
        """Of the turn that is being answered."""
        self._picture: Picture | None = None
        self._group: asyncio.TaskGroup | None = None

    # ── the contract ──────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        self._ear.open()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._carry_out(self._machine.start())
                await self._fault  # until cancelled, or something of ours fails
        finally:
            self._listening.forget()
            self._ear.close()

    def feed(self, pcm: bytes) -> None:
        self._ear.feed(pcm)

    def handle(self, event: UserInput) -> None:
        match event:
            case UserText():
                self._clock = TurnClock.typed(aio.now())
                self._step(event)
            case UserCommit():
                self._ear.after(self._close)
            case Interrupt():
                self._step(event)
            case Played(number, ms):
                if self._reply is not None and self._reply.number == number:
                    self._reply.played(ms)
            case VideoFrame(picture):
                self._picture = picture
            case _:
                pass  # pausing and stopping are the engine's; prefill and generate belong to the other view

    def announce(self, text: str) -> None:
        self._step(Announce(text))

    def over(self, reply: int) -> None:
        if self._reply is not None and self._reply.number == reply:
            self._reply = None
        self._step(ReplyOver(reply))

    @property
    def idle(self) -> bool:
        return not self._machine.speaking and not self._prepared and self._reply is None

    # ── sound to events ───────────────────────────────────────────────────────────────────────

    def _border(self, border: Boundary) -> None:
        if self._deaf.to(border):
            return
        if isinstance(border, Ended):
            self._clock = TurnClock(self._ear.moment(border.at))
        self._step(border)

    def _passed(self) -> None:
        if self._ear.now >= self._next_timer:
            self._fire(self._ear.now)

    def _close(self) -> None:
        if self._ear.speaking:
            self._clock = TurnClock(aio.now())
        self._step(UserCommit())

    def _fire(self, at: int) -> None:
        due = [name for name, moment in self._timers.items() if moment <= at]
        for name in due:
            del self._timers[name]
        self._aim()
        for name in due:
            self._step(TimerFired(name))

    def _aim(self) -> None:
        self._next_timer = min(self._timers.values(), default=float("inf"))

    def _settled(self, number: int, transcript: Transcript) -> None:
        self._clock.final = aio.now()
        self._step(Final(number, transcript))

    def _step(self, event: Event) -> None:
        """Give the machine an event; events caused by its commands wait their turn."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events:
                self._carry_out(self._machine.handle(self._events.popleft(), self._ear.now))
        finally:
            self._busy = False

    # ── commands ──────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            _CARRY_OUT[type(command)](self, command)

    def _do_emit(self, command: Emit) -> None:
        self._emit(command.output)

    def _do_arm(self, command: Arm) -> None:
        self._timers[command.name] = command.at
        self._aim()

    def _do_disarm(self, command: Disarm) -> None:
        if self._timers.pop(command.name, None) is not None:
            self._aim()

    def _do_listen(self, command: Listen) -> None:
        self._listening.begin(command.since)

    def _do_settle(self, command: Settle) -> None:
        self._clock.settle = aio.now()
        self._listening.settle(self._tasks, command.settle)

    def _do_relisten(self, command: Relisten) -> None:
        self._listening.again()

    def _do_seal(self, command: Seal) -> None:
        self._listening.seal()
        self._ear.cut()

    def _do_forget(self, command: Forget) -> None:
        self._listening.forget()

    def _do_prepare(self, command: Prepare) -> None:
        answer = (
            saying(command.say) if command.say else self._parts.responder.answer(self._question(command.transcript))
        )
        reply = Reply(command.attempt, answer, self._speech, self._emit, self._news)
        self._prepared[command.attempt] = reply
        reply.start(self._tasks)

    def _do_discard(self, command: Discard) -> None:
        self._prepared.pop(command.attempt).cancel()

    def _do_commit(self, command: Commit) -> None:
        reply = self._reply = self._prepared.pop(command.attempt)
        self._timed = self._clock
        self._timed.turn = command.turn
        reply.commit(command.reply, command.turn, command.said)

    def _do_cancel(self, command: Cancel) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None
        self._emit(Flush(command.reply, command.reason))

    def _do_end(self, command: End) -> None:
        self._emit(Stopped(command.reason))

    @property
    def _tasks(self) -> asyncio.TaskGroup:
        assert self._group is not None, "run() owns the tasks and must have begun"
        return self._group

    def _question(self, transcript: Transcript) -> Question:
        spec, conversation = self._spec, self._conversation
        return Question(
            transcript,
            spec.language,
            conversation.history.messages(),
            conversation.memory,
            spec.system_prompt,
            (self._picture,) if self._picture else (),
            skills=spec.skills,
            model=spec.model,
        )

    def _news(self, event: Event) -> None:
        """News of the committed reply."""
        if isinstance(event, FirstSound) and self._reply is not None and self._timed.turn:
            self._emit(self._timed.metrics(self._reply.stamps, aio.now()))
        self._step(event)


_CARRY_OUT: dict[type[Command], Callable[[DuplexCascade, Any], None]] = {
    Emit: DuplexCascade._do_emit,
    Arm: DuplexCascade._do_arm,
    Disarm: DuplexCascade._do_disarm,
    Listen: DuplexCascade._do_listen,
    Settle: DuplexCascade._do_settle,
    Seal: DuplexCascade._do_seal,
    Relisten: DuplexCascade._do_relisten,
    Forget: DuplexCascade._do_forget,
    Prepare: DuplexCascade._do_prepare,
    Discard: DuplexCascade._do_discard,
    Commit: DuplexCascade._do_commit,
    Cancel: DuplexCascade._do_cancel,
    End: DuplexCascade._do_end,
}
