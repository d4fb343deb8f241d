"""Drift: an hour of talk in virtual time. Do the user's and the reply's samples stay on one clock?

The client's sample clock is the truth: a moment is the number of samples sent by then. Turns begin on a grid of
160 ms, where frames of 20 and windows of 32 ms meet, so each must look like the first one: its speech found so many
samples after it began, its end and the reply's first and last sample at the same distance. Beside it one reply of an
hour, resampled from 22,050 Hz, whose samples must leave at the pace at which they are played, none more, none less.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.conversation.result import Check, Options, Result
from vivavoce import aio
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.conversation.inputs import UserText
from vivavoce.conversation.outputs import Output, ReplyAudio, ReplyDone, SpeechEnded, SpeechStarted
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.ports import SpeechChunk, SpeechRequest, Synthesizer, SynthesizerCapabilities, Voice
from vivavoce.testing import virtual
from vivavoce.testing.rehearsal import Rehearsal

HOUR_S = 3600
TURN_MS, SPEECH_MS = 8_000, 960
"""The length of a turn, on the grid; the reply fits in."""
RATE = 24_000
VOICE_RATE = 22_050
CHUNK_MS = 200


@dataclass(slots=True)
class Placed:
    """A reply on the clock of the input."""

    first: int
    """The moment of its first sample."""
    length: int = 0
    gaps: int = 0
    early: list[int] = field(default_factory=list)
    """For each piece: how far ahead of its playing it came, in samples of the input."""

    def take(self, offset: int, count: int, moment: int) -> None:
        self.gaps += offset != self.length
        self.length = offset + count
        self.early.append(self.first + offset * INPUT_RATE // RATE - moment)


class Clock:
    """An outlet that places what a session says on the sample clock of the input. It keeps no sound."""

    def __init__(self) -> None:
        self.origin = 0.0
        self.found: list[int] = []
        self.ended: list[int] = []
        self.replies: dict[int, Placed] = {}
        self.done = 0

    def now(self) -> int:
        return round((aio.now() - self.origin) * INPUT_RATE)

    def send(self, output: Output) -> None:
        match output:
            case ReplyAudio(reply, offset, pcm):
                placed = self.replies.setdefault(reply, Placed(self.now()))
                placed.take(offset, len(pcm) // SAMPLE_BYTES, self.now())
            case SpeechStarted(at):
                self.found.append(at * INPUT_RATE // 1000)
            case SpeechEnded(at):
                self.ended.append(at * INPUT_RATE // 1000)
            case ReplyDone():
                self.done += 1
            case _:
                pass


class Hum:
    """A synthesizer of one sound without end or with one: `seconds` of it in chunks, at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.capabilities = SynthesizerCapabilities("hum", VOICE_RATE, (Voice("hum", "en"),))
        self._chunk = SpeechChunk(b"\0\4" * (VOICE_RATE * CHUNK_MS // 1000))

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        for _ in range(round(self.seconds * 1000 / CHUNK_MS)):
            await asyncio.sleep(0)
            yield self._chunk


def measure(options: Options) -> Result:
    """Samples by which anything moved against anything else from the beginning of the hour to its end."""
    seconds = options.times(HOUR_S)
    turns = seconds * 1000 // TURN_MS
    clock, began = virtual.run(_talk(turns))
    spans = {
        "speech found": _moved([found - at for found, at in zip(clock.found, began, strict=True)]),
        "end of speech found": _moved([ended - at for ended, at in zip(clock.ended, began, strict=True)]),
        "first sample of the reply": _moved(
            [reply.first - at for reply, at in zip(clock.replies.values(), began, strict=True)]
        ),
        "length of the reply": _moved([reply.length for reply in clock.replies.values()]),
    }
    long = virtual.run(_speech(seconds))
    wanted = seconds * RATE
    minute = len(long.early) // 60
    steady = long.early[minute:]
    spans["pace of a long reply"] = _moved([*steady[:minute], *steady[-2 * minute : -minute]])
    spans["length of a long reply"] = abs(long.length - wanted)
    gaps = long.gaps + sum(reply.gaps for reply in clock.replies.values())
    drift = max(spans.values())
    return Result(
        [
            Check(
                f"drift of the two sides over {seconds / 60:.0f} min, {turns} turns", f"{drift} samples", "0", not drift
            ),
            Check("gaps in replies", str(gaps), "0", gaps == 0),
        ],
        {"seconds": seconds, "turns": turns, "drift_samples": drift, "moved_samples": spans, "gaps": gaps},
    )


def _moved(distances: Sequence[int]) -> int:
    """How far a distance that should stand still has moved."""
    return max(distances) - min(distances)


async def _talk(turns: int) -> tuple[Clock, list[int]]:
    """The clock after so many turns, and the samples at which the user began to speak."""
    began: list[int] = []

    async def people(play: Rehearsal, clock: Clock) -> None:
        for _ in range(turns):
            began.append(clock.now())
            await play.speak(SPEECH_MS)
            await play.quiet(TURN_MS - SPEECH_MS)

    return await _stage(Hum(4.0), people), began


async def _speech(seconds: int) -> Placed:
    """One reply of that length."""

    async def people(play: Rehearsal, clock: Clock) -> None:
        play.session.handle(UserText("tell me everything"))
        while not clock.done:
            await play.quiet(1000)

    return (await _stage(Hum(seconds), people)).replies[1]


async def _stage(synthesizer: Synthesizer, people: Callable[[Rehearsal, Clock], Awaitable[None]]) -> Clock:
    """What the clock saw of `people` in a session of the synthesizer's."""
    clock = Clock()
    spec = SessionSpec("hour", output_rate=RATE)
    hours = Rehearsal(reply="Hm.", synthesizer=synthesizer, spec=spec, reply_limit_ms=2 * HOUR_S * 1000)
    async with hours as play:
        play.session = await play.sessions.open(play.other("clocked"), clock)
        clock.origin = aio.now()
        await people(play, clock)
    return clock
