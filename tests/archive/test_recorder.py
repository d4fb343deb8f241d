"""Both sides of a conversation on one clock, to the sample, whatever happens to them on the way."""

from __future__ import annotations

import asyncio

import numpy as np

from archive.desk import ANN, Desk, clicking, clicks
from vivavoce import aio
from vivavoce.archive.clock import RATE
from vivavoce.audio.pcm import FRAME_SAMPLES
from vivavoce.conversation.inputs import Kind
from vivavoce.conversation.outputs import (
    Flush,
    Hold,
    Paused,
    Prepared,
    Release,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    Resumed,
    Stopped,
)
from vivavoce.conversation.views import SessionSpec

FRAME_S = FRAME_SAMPLES / RATE
QUIET = bytes(2 * FRAME_SAMPLES)
PREPARED = Prepared("s", "t", "cascade", RATE, ("en",), ("en",), {}, resumed=True)


class Line:
    """A client and the paced replies of a session, observed and recorded. Every reply clicks each tenth of a second."""

    def __init__(self, rate: int = RATE, kind: Kind = "duplex") -> None:
        self.desk = Desk()
        self.rate = rate
        self.desk.rounds = None  # `_pass` settles
        self.observer = self.desk.observer(SessionSpec("s", kind=kind, output_rate=rate, owner=ANN))
        self.observer.record("on")
        self.reply = 0
        self.spoken = 0
        self._settled_at = aio.now()

    async def speaks(self, seconds: float, *clicks_at: float, pace: float = 1.0) -> None:
        """The user's sound comes, with clicks at these seconds of it."""
        at = {round(click * RATE) for click in clicks_at}
        for start in range(0, round(seconds * RATE), FRAME_SAMPLES):
            hit = {click - start for click in at if start <= click < start + FRAME_SAMPLES}
            await self._pass(FRAME_S / pace)
            self.observer.heard(clicking(FRAME_SAMPLES, hit) if hit else QUIET)
            self.spoken += FRAME_SAMPLES

    async def mutes(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            await self._pass(FRAME_S)

    def begins(self) -> None:
        self.reply += 1
        self.observer.output(ReplyStarted(self.reply, self.reply, "what is this"))

    def sends(self, start: float, stop: float) -> None:
        """That part of the reply leaves, now."""
        first, last = round(start * self.rate), round(stop * self.rate)
        tenth = self.rate // 10
        pcm = clicking(last - first, range(-first % tenth, last - first, tenth))
        self.observer.output(ReplyAudio(self.reply, first, pcm))

    def is_done(self, heard: float, reason: str = "completed") -> None:
        self.observer.output(ReplyDone(self.reply, reason, round(heard * 1000), "words"))  # type: ignore[arg-type]

    async def tells(self, seconds: float, lead: float = 0.16) -> None:
        """A whole reply, paced as the playout paces it, while the user is quiet."""
        self.begins()
        self.sends(0, lead)
        sent = lead
        while sent < seconds:
            await self.speaks(FRAME_S)
            self.sends(sent, min(seconds, sent + FRAME_S))
            sent += FRAME_S
        await self.speaks(lead)
        self.is_done(seconds)

    def recorded(self) -> tuple[list[int], list[int]]:
        """The clicks of both sides."""
        self.observer.ended(Stopped("stopped"))
        tracks = self.desk.tracks()
        return clicks(tracks[:, 0]), clicks(tracks[:, 1])

    async def _pass(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if aio.now() - self._settled_at >= 0.5:
            self._settled_at = aio.now()
            self.observer.settle(aio.now())


async def test_both_sides_drift_by_no_sample_in_an_hour() -> None:
    line = Line()
    for _ in range(12):
        await line.speaks(1, 0.5)
        await line.tells(2)
        for _ in range(297 * 2):  # in pieces of half a second: nothing happens here
            line.observer.heard(bytes(RATE))
            line.spoken += RATE // 2
            await line._pass(0.5)
    left, right = line.recorded()
    assert line.spoken == 12 * 300 * RATE
    assert left == [minute * 300 * RATE + RATE // 2 for minute in range(12)]
    ticks = [minute * 300 * RATE + RATE + tick * RATE // 10 for minute in range(12) for tick in range(20)]
    assert right == ticks


async def test_a_reply_at_another_rate_lies_where_it_sounds() -> None:
    line = Line(rate=24_000)
    await line.speaks(1, 0.5)
    await line.tells(1)
    line.observer.ended(Stopped("stopped"))
    right = line.desk.tracks()[:, 1]
    for tick in range(10):
        around = right[RATE + tick * RATE // 10 - 5 : RATE + tick * RATE // 10 + 6] if tick else right[RATE : RATE + 6]
        assert np.argmax(around) == (5 if tick else 0)


async def test_a_held_reply_goes_on_at_the_sample_where_it_stopped() -> None:
    line = Line()
    await line.speaks(1)
    line.begins()
    line.sends(0, 0.56)
    await line.speaks(0.3)
    line.observer.output(Hold(1))
    await line.speaks(2, 1)
    line.observer.output(Release(1))
    line.sends(0.56, 1)
    await line.speaks(2)
    line.is_done(1)
    left, right = line.recorded()
    assert left == [round(2.3 * RATE)]
    before = [RATE + tick * RATE // 10 for tick in range(3)]
    after = [round(3.3 * RATE) + tick * RATE // 10 for tick in range(7)]
    assert right == before + after


async def test_a_pause_holds_both_sides() -> None:
    line = Line()
    await line.speaks(1)
    line.begins()
    line.sends(0, 0.5)
    await line.speaks(0.3)
    line.observer.output(Paused(300))
    await line.mutes(10)
    line.observer.output(Resumed())
    line.sends(0.5, 1)
    await line.speaks(3, 1)
    line.is_done(1)
    left, right = line.recorded()
    assert abs(left[0] - 12.3 * RATE) <= 2 * FRAME_SAMPLES
    assert right[:3] == [RATE + tick * RATE // 10 for tick in range(3)]
    assert abs(right[3] - 11.3 * RATE) <= 2 * FRAME_SAMPLES
    assert len(right) == 10


async def test_a_flushed_reply_is_cut_where_it_was_heard_last() -> None:
    for waits in (0.1, 3.0):  # the news comes before what was sent is written, or long after
        line = Line()
        await line.speaks(1)
        line.begins()
        line.sends(0, 1)
        await line.speaks(0.5)
        line.observer.output(Flush(1, "interrupted"))
        await line.speaks(waits)
        line.is_done(0.45, "interrupted")
        await line.speaks(1)
        _, right = line.recorded()
        assert right == [RATE + tick * RATE // 10 for tick in range(5)]


async def test_after_a_lost_line_nothing_sounds_twice() -> None:
    for lost in (0.2, 20):
        line = Line()
        await line.speaks(1)
        line.begins()
        line.sends(0, 1)
        await line.speaks(0.5)
        await line.mutes(lost)
        line.observer.output(PREPARED)
        line.sends(0.4, 1)  # rewound to the sample heard last
        line.sends(1, 2)
        await line.speaks(3)
        line.is_done(2)
        _, right = line.recorded()
        assert right[:4] == [RATE + tick * RATE // 10 for tick in range(4)]
        again = round((1.5 + lost) * RATE)
        assert abs(right[4] - again) <= 2 * FRAME_SAMPLES
        assert [tick - right[4] for tick in right[4:]] == [tick * RATE // 10 for tick in range(16)]


async def test_sound_kept_while_the_line_was_down_lies_before_what_came_after() -> None:
    line = Line()
    await line.speaks(2, 1)
    await line.mutes(10)
    line.observer.output(PREPARED)
    await line.speaks(10, 5, pace=5)
    await line.speaks(5, 4)
    left, _ = line.recorded()
    assert left[:2] == [RATE, 7 * RATE]
    assert left[2] >= 16 * RATE


async def test_who_is_muted_says_nothing_while_the_reply_goes_on() -> None:
    line = Line()
    await line.speaks(1, 0.5)
    line.begins()
    line.sends(0, 5)
    await line.mutes(5)
    line.is_done(5)
    await line.speaks(1, 0.5)
    left, right = line.recorded()
    assert left[0] == RATE // 2
    assert abs(left[1] - 6.5 * RATE) <= 2 * FRAME_SAMPLES
    assert right == [RATE + tick * RATE // 10 for tick in range(50)]


async def test_a_source_that_runs_dry_leaves_a_gap() -> None:
    line = Line()
    await line.speaks(1)
    line.begins()
    line.sends(0, 0.5)
    await line.speaks(2)
    line.sends(0.5, 1)
    await line.speaks(1)
    line.is_done(1)
    _, right = line.recorded()
    assert right == [RATE + tick * RATE // 10 for tick in range(5)] + [
        3 * RATE + tick * RATE // 10 for tick in range(5)
    ]


async def test_turn_by_turn_the_answer_comes_after_the_question() -> None:
    line = Line(kind="streaming")
    for _ in range(3):
        await line.speaks(2, 1)
        await line.mutes(1)
        line.begins()
        line.sends(0, 0.5)
        await line.mutes(4)
        line.is_done(0.5)
    left, right = line.recorded()
    for turn in range(3):
        assert abs(left[turn] - (7 * turn + 1) * RATE) <= (turn + 1) * 2 * FRAME_SAMPLES
        assert abs(right[5 * turn] - left[turn] - 2 * RATE) <= 2 * FRAME_SAMPLES


async def test_recording_begins_and_ends_in_the_middle() -> None:
    line = Line()
    line.observer.record("off")
    await line.speaks(2, 1)
    line.begins()
    line.sends(0, 3)
    await line.speaks(1.1)
    line.desk.chunks.clear()
    line.observer.record("on")
    await line.speaks(1, 0.5)
    line.observer.record("off")
    stretch = line.desk.recordings[-1]
    await line.speaks(2, 1)
    line.is_done(3)
    line.observer.ended(Stopped("stopped"))
    assert (stretch.start, stretch.stop) == (round(3.1 * RATE), round(4.1 * RATE))
    tracks = line.desk.tracks()
    assert clicks(tracks[:, 0]) == [RATE // 2]
    assert len(tracks) <= RATE + 1


async def test_what_was_never_recorded_is_never_handed_in() -> None:
    line = Line()
    line.observer.record("off")
    line.desk.chunks.clear()
    await line.speaks(2, 1)
    await line.tells(2)
    line.observer.ended(Stopped("stopped"))
    assert line.desk.chunks == []
