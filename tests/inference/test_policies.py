"""Each policy over small sources, in virtual time."""

import asyncio
from contextlib import aclosing

import pytest

from vivavoce.aio import now
from vivavoce.errors import BackendBusy, BackendError, BackendTimeout, BackendUnavailable, Closed
from vivavoce.inference.policies import (
    Measured,
    Patience,
    first_that_works,
    timed,
    with_breaker,
    with_ceiling,
    with_limit,
    with_retry,
    with_timeout,
)
from vivavoce.inference.translate import final


class Script:
    """A source: each call plays the next list of steps (the last one ever after).

    A number waits that many seconds, a string is an item, an error is raised, `...` goes on for ever.
    """

    def __init__(self, *plays):
        self.plays = plays
        self.calls = []
        self.closed = 0

    async def __call__(self, request):
        steps = self.plays[min(len(self.calls), len(self.plays) - 1)]
        self.calls.append(now())
        try:
            for step in steps:
                if isinstance(step, str):
                    yield step
                elif isinstance(step, BaseException):
                    raise step
                else:
                    await asyncio.sleep(step)
        finally:
            self.closed += 1


async def read(source, request=None):
    return [item async for item in source(request)]


async def outcome(source):
    """The items and the error, if any."""
    items = []
    try:
        async for item in source(None):
            items.append(item)
    except (BackendError, Closed) as error:
        return items, error
    return items, None


BROKEN = BackendError("broken")
GONE = BackendUnavailable("not there")


# ── time ──────────────────────────────────────────────────────────────────────────────────────────

PATIENCE = Patience(first_s=5, between_s=2, whole_s=8)


@pytest.mark.parametrize(
    ("steps", "items", "at"),
    [
        ([6, "a"], [], 5),
        ([4.9, "a", 1.9, "b"], ["a", "b"], None),
        ([1, "a", 2.1, "b"], ["a"], 3),
        ([4, "a", 1.9, "b", 1.9, "c", 1.9, "d"], ["a", "b", "c"], 8),
    ],
    ids=["first", "in time", "between", "whole"],
)
async def test_a_source_that_keeps_us_waiting_is_given_up(steps, items, at):
    script = Script(steps)
    heard, error = await outcome(with_timeout(PATIENCE)(script))
    assert heard == items
    assert script.closed == 1
    assert (at is None and error is None) or (isinstance(error, BackendTimeout) and now() == pytest.approx(at))


async def test_a_slow_reader_does_not_count():
    async with aclosing(with_timeout(PATIENCE)(Script(["a", "b", "c"]))(None)) as items:
        async for _ in items:
            await asyncio.sleep(60)


# ── amount ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_endless_source_is_stopped_at_the_ceiling_and_not_asked_again():
    script = Script(["abcd"] * 1000)
    items, error = await outcome(with_retry(3)(with_ceiling(10, "characters", len)(script)))
    assert items == ["abcd", "abcd"]
    assert "ran past 10 characters" in str(error)
    assert not error.retryable
    assert script.closed == len(script.calls) == 1


# ── concurrency ───────────────────────────────────────────────────────────────────────────────────


async def test_no_more_run_at_once_than_allowed_and_the_rest_wait_in_order():
    script = Script([1, "a"])
    limited = with_limit(at_once=2, waiting=3, wait_s=10)(script)
    results = await asyncio.gather(*(outcome(limited) for _ in range(6)))
    assert script.calls == [0, 0, 1, 1, 2]
    assert [items for items, _ in results] == [["a"]] * 5 + [[]]
    assert "2 requests run and 3 wait" in str(results[-1][1])
    assert isinstance(results[-1][1], BackendBusy)


async def test_a_wait_for_a_place_has_an_end_and_leaves_no_ghost_in_the_queue():
    limited = with_limit(at_once=1, waiting=1, wait_s=2)(Script([5, "a"], [0, "b"]))
    results = await asyncio.gather(outcome(limited), outcome(limited))
    assert isinstance(results[1][1], BackendBusy)
    assert now() == 5
    assert await read(limited) == ["b"]


async def test_a_reader_that_leaves_gives_its_place_back():
    limited = with_limit(at_once=1, waiting=0, wait_s=1)(Script(["a", "b"]))
    async with aclosing(limited(None)) as items:
        await anext(items)
    assert await read(limited) == ["a", "b"]


# ── another try ───────────────────────────────────────────────────────────────────────────────────


async def test_what_failed_before_its_first_item_is_tried_again_after_growing_pauses():
    script = Script([BROKEN], [BROKEN], ["a"])
    assert await read(with_retry(3, pause_s=1, chance=lambda: 0.0)(script)) == ["a"]
    assert script.calls == [0, 1, 3]


async def test_pauses_are_shortened_at_random_by_at_most_half():
    script = Script([BROKEN], [BROKEN], ["a"])
    await read(with_retry(3, pause_s=1, chance=lambda: 1.0)(script))
    assert script.calls == [0, 0.5, 1.5]


@pytest.mark.parametrize(
    ("steps", "items", "calls"),
    [([BROKEN], [], 3), ([GONE], [], 1), (["a", BROKEN], ["a"], 1), ([Closed()], [], 1)],
    ids=["three tries", "not retryable", "output has left", "closed"],
)
async def test_tries_end(steps, items, calls):
    script = Script(steps)
    heard, error = await outcome(with_retry(3)(script))
    assert heard == items
    assert error in steps
    assert len(script.calls) == script.closed == calls


# ── another source ────────────────────────────────────────────────────────────────────────────────


async def test_the_next_source_is_asked_when_one_fails_before_its_first_item():
    assert await read(first_that_works(Script([GONE]), Script([1, BROKEN]), Script(["c"]))) == ["c"]


async def test_no_other_source_goes_on_where_one_broke_off():
    other = Script(["b"])
    assert await outcome(first_that_works(Script(["a", BROKEN]), other)) == (["a"], BROKEN)
    assert other.calls == []


async def test_the_error_of_the_last_source_is_told():
    assert await outcome(first_that_works(Script([GONE]), Script([BROKEN]))) == ([], BROKEN)


# ── breaker ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_source_that_fails_five_times_is_left_alone_for_ten_seconds():
    script = Script(*[[BROKEN]] * 5, ["a"])
    guarded = with_breaker()(script)
    for _ in range(5):
        assert await outcome(guarded) == ([], BROKEN)
    _, error = await outcome(guarded)
    assert isinstance(error, BackendUnavailable)
    assert "left alone for 10 s more" in str(error)
    assert len(script.calls) == 5
    await asyncio.sleep(10)
    assert await read(guarded) == ["a"]
    assert await read(guarded) == ["a"]


async def test_a_request_that_cannot_be_met_shuts_the_door_on_nobody_else():
    guarded = with_breaker()(Script(*[[final("no such voice")]] * 20, ["a"]))
    for _ in range(20):
        _, error = await outcome(guarded)
        assert "no such voice" in str(error)
    assert await read(guarded) == ["a"]


async def test_a_crowd_is_no_failure():
    guarded = with_retry(3)(with_breaker()(Script(*[[BackendBusy("too many")]] * 20, ["a"])))
    for _ in range(20):
        _, error = await outcome(guarded)
        assert "too many" in str(error), "and nobody adds to it by trying again"
    assert await read(guarded) == ["a"]


async def test_a_reader_that_leaves_during_the_try_does_not_shut_the_breaker_for_good():
    guarded = with_breaker(failures=1)(Script([BROKEN], [3600], ["a"]))
    await outcome(guarded)
    await asyncio.sleep(10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(guarded), 1)
    assert await read(guarded) == ["a"]


# ── measuring ─────────────────────────────────────────────────────────────────────────────────────


class Notes:
    def __init__(self):
        self.all = []

    def measured(self, request):
        self.all.append(request)


@pytest.mark.parametrize(
    ("steps", "first_s", "name"),
    [
        ([1, "a", 2, "b"], 1, "done"),
        ([1, BROKEN], None, "failed"),
        ([1, "a", 2, BackendTimeout()], 1, "timeout"),
        ([GONE], None, "unavailable"),
        ([1, BackendBusy()], None, "busy"),
        ([Closed()], None, "stopped"),
    ],
)
async def test_every_request_is_measured_once_with_its_outcome(steps, first_s, name):
    notes = Notes()
    await outcome(timed(notes, "llm", "fake")(Script(steps)))
    assert notes.all == [Measured("llm", "fake", name, first_s, now())]


async def test_a_reader_that_leaves_is_no_failure_and_a_bug_is_called_one():
    notes = Notes()
    async with aclosing(timed(notes, "tts", "fake")(Script(["a", 9]))(None)) as items:
        await anext(items)
    with pytest.raises(ZeroDivisionError):
        await read(timed(notes, "tts", "fake")(Script([ZeroDivisionError()])))
    assert [note.outcome for note in notes.all] == ["stopped", "bug"]
