"""One model for many sessions: scores come in order, in good company, and nobody holds up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.aio import now
from vivavoce.audio.pcm import Samples
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.batching import VadBatcher, VadStream
from vivavoce.inference.ports import VadCapabilities
from vivavoce.testing import virtual


def window(value: int) -> bytes:
    """A window whose score tells which one it was: see CountingVad."""
    return np.full(512, value, "<i2").tobytes()


class CountingVad:
    """Scores a window by its first sample, in thousandths; remembers the size of each call and its states."""

    def __init__(self, batch: int = 4, error: Exception | None = None) -> None:
        self.capabilities = VadCapabilities("counting", batch=batch)
        self.calls: list[int] = []
        self.seconds = 0.0
        self.cost = 0.0
        self.error = error

    def start(self) -> object:
        return []

    def score(self, windows: npt.NDArray[np.int16], states: Sequence[object]) -> Sequence[float]:
        if self.error:
            raise self.error
        assert len({id(state) for state in states}) == len(states), "a state twice in one call"
        self.calls.append(len(states))
        self.seconds += self.cost
        return [row[0] / 1000 for row in windows]


class QuietBelow:
    """An energy gate with a fixed threshold that remembers what it saw."""

    def __init__(self, threshold: int = 100) -> None:
        self.threshold = threshold
        self.seen: list[int] = []

    def quiet(self, window: Samples) -> bool:
        self.seen.append(int(window[0]))
        return bool(np.abs(window).max() < self.threshold)


def listener(batcher: VadBatcher) -> tuple[VadStream, list[float]]:
    heard: list[float] = []
    return batcher.open(heard.append), heard


async def rounds(count: int = 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# ── company ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_single_session_does_not_wait() -> None:
    vad = CountingVad()
    stream, heard = listener(VadBatcher(vad, None))
    stream.push(window(500))
    await rounds()
    assert heard == [0.5]
    assert now() == 0


async def test_with_many_sessions_a_window_waits_a_period_for_company() -> None:
    vad = CountingVad(batch=8)
    batcher = VadBatcher(vad, None, period_s=0.010, eager=2)
    (one, first), (two, second), (_, third) = listener(batcher), listener(batcher), listener(batcher)
    one.push(window(100))
    await asyncio.sleep(0.006)
    two.push(window(200))
    assert first == second == third == []
    await asyncio.sleep(0.0041)
    assert (first, second, third) == ([0.1], [0.2], [])
    assert vad.calls == [2]


async def test_a_full_batch_has_no_reason_to_wait() -> None:
    vad = CountingVad(batch=4)
    batcher = VadBatcher(vad, None, period_s=10, eager=0)
    sessions = [listener(batcher) for _ in range(4)]
    for number, (stream, _) in enumerate(sessions):
        stream.push(window(number))
    await rounds()
    assert [heard for _, heard in sessions] == [[0.0], [0.001], [0.002], [0.003]]
    assert vad.calls == [4]


async def test_windows_as_arrays_are_taken_too_and_others_refused() -> None:
    stream, heard = listener(VadBatcher(CountingVad(), None))
    stream.push(np.full(512, 7, np.int16))
    await rounds()
    assert heard == [0.007]
    with pytest.raises(BackendError):
        stream.push(b"\0" * 640)


# ── order ─────────────────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 300)), max_size=80),
    st.integers(1, 4),
    st.sampled_from([0, 2, 100]),
)
def test_every_window_gets_its_own_score_in_order(pushes: list[tuple[int, int]], batch: int, eager: int) -> None:
    async def script() -> None:
        batcher = VadBatcher(CountingVad(batch), QuietBelow, eager=eager)
        sessions = [listener(batcher) for _ in range(5)]
        for who, value in pushes:
            sessions[who][0].push(window(value))
            if value % 7 == 0:
                await asyncio.sleep(0.004)
        await asyncio.sleep(1)
        for who, (_, heard) in enumerate(sessions):
            said = [value for session, value in pushes if session == who]
            assert heard == [value / 1000 if value >= 100 else 0.0 for value in said]
        batcher.close()

    virtual.run(script())


async def test_quiet_windows_behind_waiting_ones_wait_too() -> None:
    batcher = VadBatcher(CountingVad(), QuietBelow)
    stream, heard = listener(batcher)
    stream.push(window(200))
    stream.push(window(1))
    assert heard == []
    await rounds(3)
    assert heard == [0.2, 0.0]
    assert batcher.scored == 1


# ── the gate ──────────────────────────────────────────────────────────────────────────────────────


async def test_quiet_is_answered_at_once_and_never_reaches_the_model() -> None:
    vad = CountingVad()
    stream, heard = listener(VadBatcher(vad, QuietBelow))
    stream.push(window(99))
    assert heard == [0.0]
    await rounds(3)
    assert vad.calls == []


async def test_the_gate_is_asked_once_in_order_and_not_in_speech() -> None:
    gate = QuietBelow()
    stream, heard = listener(VadBatcher(CountingVad(), lambda: gate))
    for value in (300, 1, 301, 2):
        stream.push(window(value))
    await rounds(5)
    stream.speaking = True
    stream.push(window(302))
    await rounds()
    assert heard == [0.3, 0.0, 0.301, 0.0, 0.302]
    assert gate.seen == [300, 1, 301, 2]


async def test_the_houses_own_gate_is_the_default() -> None:
    vad = CountingVad()
    stream, heard = listener(VadBatcher(vad))
    for value in (*[2] * 10, 900):
        stream.push(window(value))
        await rounds()
    assert heard[7:] == [0.0, 0.0, 0.0, 0.9]
    assert len(vad.calls) < 9


async def test_in_speech_the_model_hears_the_quiet_too() -> None:
    vad = CountingVad()
    stream, heard = listener(VadBatcher(vad, QuietBelow))
    stream.speaking = True
    stream.push(window(99))
    await rounds()
    assert heard == [0.099]


async def test_speech_that_begins_in_a_backlog_counts_for_what_waits_behind_it() -> None:
    heard: list[float] = []

    def on_score(score: float) -> None:
        heard.append(score)
        stream.speaking = score > 0.5

    stream = VadBatcher(CountingVad(), QuietBelow).open(on_score)
    for value in (600, 50, 50):
        stream.push(window(value))
    await rounds(5)
    assert heard == [0.6, 0.05, 0.0]


# ── too much ──────────────────────────────────────────────────────────────────────────────────────


async def test_thirty_seconds_at_once_are_all_scored_and_the_loop_gets_its_turns() -> None:
    vad = CountingVad(batch=4)
    vad.cost = 0.001
    batcher = VadBatcher(vad, None, slice_s=0.004, clock=lambda: vad.seconds)
    stream, heard = listener(batcher)
    other, others = listener(batcher)
    for number in range(940):
        stream.push(window(number))
    await rounds()
    assert len(heard) == 4
    other.push(window(77))
    await rounds()
    assert others == [0.077]
    await rounds(300)
    assert heard == [number / 1000 for number in range(940)]


async def test_a_stream_that_is_too_far_behind_keeps_its_time() -> None:
    batcher = VadBatcher(CountingVad(), None, limit=10)
    stream, heard = listener(batcher)
    stream.push(window(900))
    await rounds()
    for number in range(1, 16):
        stream.push(window(number))
    assert heard == [0.9] * 6
    assert batcher.dropped == 5
    await rounds(20)
    assert heard == [0.9] * 6 + [number / 1000 for number in range(6, 16)]


# ── the end ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_closed_stream_hears_no_more() -> None:
    batcher = VadBatcher(CountingVad(), None)
    (stream, heard), (other, others) = listener(batcher), listener(batcher)
    stream.push(window(1))
    other.push(window(2))
    stream.close()
    stream.close()
    await rounds()
    assert (heard, others, len(batcher)) == ([], [0.002], 1)
    with pytest.raises(Closed):
        stream.push(window(3))


async def test_a_stream_may_close_itself_and_others_while_it_is_told() -> None:
    heard: list[float] = []
    batcher = VadBatcher(CountingVad(), None)

    def on_score(score: float) -> None:
        heard.append(score)
        first.close()
        second.close()

    first, second = batcher.open(on_score), batcher.open(on_score)
    first.push(window(1))
    first.push(window(2))
    second.push(window(3))
    await rounds(5)
    assert heard == [0.001]


async def test_closing_the_batcher_leaves_nothing() -> None:
    vad = CountingVad()
    batcher = VadBatcher(vad, None, eager=0, period_s=5)
    stream, heard = listener(batcher)
    stream.push(window(1))
    batcher.close()
    await asyncio.sleep(10)
    assert (heard, vad.calls, len(batcher)) == ([], [], 0)


# ── failure ───────────────────────────────────────────────────────────────────────────────────────


async def test_when_the_model_fails_the_gate_stands_in() -> None:
    vad = CountingVad(error=BackendError("out of memory"))
    batcher = VadBatcher(vad, QuietBelow)
    stream, heard = listener(batcher)
    for value in (500, 1, 500):
        stream.push(window(value))
    await rounds(5)
    assert heard == [1.0, 0.0, 1.0]
    assert batcher.failures == 2
    vad.error = None
    stream.push(window(500))
    await rounds()
    assert heard[-1] == 0.5


async def test_a_listener_that_raises_is_reported_and_harms_nobody_else() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(str(what.get("exception"))))

    def broken(score: float) -> None:
        raise ValueError("a bug")

    batcher = VadBatcher(CountingVad(), None)
    bad = batcher.open(broken)
    good, heard = listener(batcher)
    for value in (1, 2):
        bad.push(window(value))
        good.push(window(value))
    await rounds(6)
    assert heard == [0.001, 0.002]
    assert reported == ["a bug", "a bug"]
