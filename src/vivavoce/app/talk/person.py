"""The person: says what is planned, hears what comes, 20 ms at a time, and lets the other side finish.

Each tick sends one frame and plays one frame, so both sides have one sample clock and cannot drift apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vivavoce import aio
from vivavoce.app.talk.lines import Dial, Line
from vivavoce.app.talk.loudspeaker import Loudspeaker
from vivavoce.app.talk.plan import Speak, Step, Type
from vivavoce.app.talk.record import Record
from vivavoce.audio.pcm import FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES, samples
from vivavoce.errors import BackendTimeout, Closed, Refused
from vivavoce.wire import base, duplex

PREPARED_S = 600.0
"""Longest wait for a slot, as long as a server lets one wait."""
ANSWER_MS = 60_000
"""An utterance that nothing came of after this long is given up."""
UNNOTICED_MS = 4_000
"""So is one after which the other side only listens."""
BREATH_MS = 400
"""Between a reply and the next utterance."""
PLAYED_MS = 100
"""How often is told what was played."""
_FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Manner:
    """How the person talks. `interrupt_at`: ms of the first reply after which the next step begins, or, when
    there is none, the reply is told to stop. `stay_ms`: how long to go on listening at the end. What is left open
    (`language`, `voice`) the other side decides, and patience is its own."""

    language: str | None = None
    voice: str | None = None
    rate: int = 24_000
    interrupt_at: int | None = None
    stay_ms: int = 0


@dataclass(slots=True)
class Tracks:
    """Both sides from the same moment on: what was said (16 kHz) and what was heard (the reply's rate)."""

    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)


class Person:
    """One conversation. `on_progress(done_ms, planned_ms)` is called with each tick."""

    def __init__(
        self, steps: Sequence[Step], manner: Manner, on_progress: Callable[[int], None] = lambda clock: None
    ) -> None:
        self._steps = steps
        self._manner = manner
        self._on_progress = on_progress
        self.record = Record()
        self.tracks = Tracks()
        self.loudspeaker = Loudspeaker(manner.rate)
        self.clock = 0
        """ms since the first frame."""
        self.prepared: duplex.Prepared | None = None
        self._line: Line | None = None
        self._ready = asyncio.Event()
        self._over: Closed | None = None
        self._ended = asyncio.Event()
        self._start = 0.0
        self._state = "listening"
        self._state_since = 0
        self._reported = (0, 0)
        self._replying = 0
        """The reply that is not done yet."""
        self._asked_at = 0
        self._answered = False
        self._interrupted = manner.interrupt_at is None

    async def talk(self, dial: Dial) -> None:
        """Say everything and hear the end of it. Raises Refused, BackendError or Closed when that cannot be."""
        async with dial(self) as line:
            self._line = line
            manner = self._manner
            line.say(
                duplex.Prepare(
                    output=duplex.OutputFormat(rate=manner.rate),
                    language=manner.language,
                    voice=manner.voice,
                )
            )
            await self._until_prepared()
            self._start = aio.now()
            for step in self._steps:
                await self._do(step)
            until = self.clock + max(manner.stay_ms, BREATH_MS)
            while self.clock < until or self._replying:
                await self._tick(None)
            line.say(duplex.Stop())
            await self._goodbye()

    # ── what is heard ─────────────────────────────────────────────────────────────────────────────

    def message(self, message: duplex.ServerMessage) -> None:
        self.record.take(message, self.clock)
        match message:
            case duplex.Prepared():
                self.prepared = message
                self._ready.set()
            case duplex.State(state=state):
                self._state, self._state_since = state, self.clock
            case duplex.SpeechStarted():
                self._answered = False
            case duplex.ReplyStarted(reply=reply):
                self._replying = reply
            case duplex.ReplyDone(reply=reply, reason=reason):
                # The end of an interrupted reply comes late, when what interrupted it waits for its own answer.
                self._answered = self._answered or (reply == self._replying and reason != "interrupted")
                self._replying = 0 if reply >= self._replying else self._replying
                self.loudspeaker.end(reply)
            case duplex.Duck(reply=reply, gain=gain):
                self.loudspeaker.duck(reply, gain)
            case duplex.Hold(reply=reply):
                self.loudspeaker.hold(reply)
            case duplex.Release(reply=reply):
                self.loudspeaker.release(reply)
            case duplex.Flush(reply=reply):
                self._report()
                self.loudspeaker.flush(reply)
            case base.Error(code=code, message=text, fatal=True):
                self._over = Closed(text, code=code)

    def sound(self, frame: base.AudioFrame) -> None:
        self.loudspeaker.take(frame)

    def ended(self, error: Closed | None) -> None:
        self._over = self._over or error
        self._ended.set()
        self._ready.set()

    # ── what is done ──────────────────────────────────────────────────────────────────────────────

    async def _until_prepared(self) -> None:
        try:
            async with asyncio.timeout(PREPARED_S):
                await self._ready.wait()
        except TimeoutError:
            raise BackendTimeout("no place in the queue for too long") from None
        if self.prepared is None:
            reason = self._over or Closed("the line was closed")
            raise Refused(reason.message, code=reason.code)

    async def _do(self, step: Step) -> None:
        self._answered = False
        if isinstance(step, Type):
            self.record.typed(step.text)
            self._say(duplex.TypedText(step.text))
        else:
            await self._speak(step)
        self._asked_at = self.clock
        until = None
        while until is None or self.clock < until:
            await self._tick(None)
            if self._wants_to_interrupt():
                self._interrupted = True
                if step is not self._steps[-1]:
                    return
                self._say(duplex.Interrupt())
            if until is None and self._settled():
                until = self.clock + BREATH_MS

    async def _speak(self, step: Speak) -> None:
        for start in range(0, len(step.pcm), _FRAME_BYTES):
            await self._tick(step.pcm[start : start + _FRAME_BYTES].ljust(_FRAME_BYTES, b"\0"))

    def _settled(self) -> bool:
        """The reply was heard to its end, or none is to be expected any more."""
        if self._replying or self.loudspeaker.sounding:
            return False
        waited = self.clock - self._asked_at
        unnoticed = self._state == "listening" and self.clock - max(self._asked_at, self._state_since) > UNNOTICED_MS
        return self._answered or unnoticed or waited > ANSWER_MS

    def _wants_to_interrupt(self) -> bool:
        at = self._manner.interrupt_at
        return (
            not self._interrupted
            and at is not None
            and self.loudspeaker.sounding
            and (self.loudspeaker.played_ms >= at)
        )

    async def _tick(self, frame: bytes | None) -> None:
        """20 ms pass: a frame is said (silence when it is none of ours), a frame is heard."""
        # Late ticks are made up for at once, so that the clock is that of the sound.
        await asyncio.sleep(max(0.0, self._start + self.clock / 1000 - aio.now()))
        if self._ended.is_set():
            raise self._over or Closed("the other side ended the conversation")
        assert self._line is not None
        said = frame or bytes(_FRAME_BYTES)
        self._line.sound(said)
        before = self.loudspeaker.played
        heard = self.loudspeaker.play(samples(FRAME_MS, self._manner.rate))
        self.tracks.said += said
        self.tracks.heard += heard
        if self.loudspeaker.played > before:
            self.record.sounded(self.loudspeaker.reply, self.clock, self.clock + FRAME_MS)
        self.clock += FRAME_MS
        reply, ms = self._reported
        if (
            reply != self.loudspeaker.reply
            or self.loudspeaker.played_ms - ms >= PLAYED_MS
            or not self.loudspeaker.sounding
        ):
            self._report()
        self._on_progress(self.clock)

    def _report(self) -> None:
        now = (self.loudspeaker.reply, round(self.loudspeaker.played_ms))
        if now != self._reported and now[0]:
            self._reported = now
            self._say(base.Played(*now))

    def _say(self, message: duplex.ClientMessage) -> None:
        if self._line is not None and not self._ended.is_set():
            self._line.say(message)

    async def _goodbye(self) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self._ended.wait()
        except TimeoutError:
            pass
