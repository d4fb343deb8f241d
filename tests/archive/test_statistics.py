from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.library import Library, library
from archive.people import NOON, Said, conversation, person
from vivavoce.archive.statistics import SIZES, percentile, step_of
from vivavoce.errors import BadInput
from vivavoce.storage.clock import DAY, HOUR
from vivavoce.storage.database import Database

pytestmark = pytest.mark.real


@pytest.fixture
async def kept(database: Database) -> AsyncGenerator[Library, None]:
    async with library(database) as opened:
        yield opened


async def test_counted_or_not_the_numbers_are_the_same(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    told = [Said("a", response_ms=400), Said("b", reason="interrupted"), Said("c", state="failed", response_ms=None)]
    await conversation(kept.database, ada, told)
    await conversation(kept.database, ada, ["d"], at=NOON + DAY)
    await conversation(kept.database, bob, [Said("e", response_ms=2_000)], at=NOON + HOUR)
    kept.clock.now = NOON + HOUR  # no day is over yet
    before = await kept.reading.statistics.activity(None, NOON - DAY, NOON + 2 * DAY, "hour")
    assert await kept.reading.statistics.roll() == 0
    kept.clock.now = NOON + 10 * HOUR
    assert await kept.reading.statistics.roll() == 1
    between = await kept.reading.statistics.activity(None, NOON - DAY, NOON + 2 * DAY, "hour")
    kept.clock.now = NOON + 3 * DAY
    assert await kept.reading.statistics.roll() == 2
    assert await kept.reading.statistics.roll() == 0
    after = await kept.reading.statistics.activity(None, NOON - DAY, NOON + 2 * DAY, "hour")
    assert before == between == after
    first = before[0]
    assert (first.at, first.conversations, first.turns, first.people) == (NOON, 1, 3, 1)
    assert (first.cuts, first.errors) == (1, 1)


async def test_days_add_up_hours_and_people_count_once(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    for hour in range(3):
        await conversation(kept.database, ada, ["tea"], at=NOON + hour * HOUR)
        await conversation(kept.database, bob, ["tea"], at=NOON + hour * HOUR)
    kept.clock.now = NOON + 2 * DAY
    await kept.reading.statistics.roll()
    [day] = await kept.reading.statistics.activity(None, NOON - NOON % DAY, NOON + DAY, "day")
    assert (day.conversations, day.turns, day.people) == (6, 6, 2)
    [own] = await kept.reading.statistics.activity(ada, NOON - NOON % DAY, NOON + DAY, "day")
    assert (own.conversations, own.people) == (3, 1)


async def test_what_somebody_deletes_is_taken_out_and_what_runs_out_stays(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    await conversation(kept.database, ada, ["milk"])
    kept.clock.now = NOON + 2 * DAY
    await kept.reading.statistics.roll()
    await kept.reading.deletions.conversation(kept.actor(ada), mine)
    await _is_counted_once(kept, ada)
    kept.clock.now = NOON + 400 * DAY
    await kept.reading.sweeper.sweep()
    await _is_counted_once(kept, ada)


async def _is_counted_once(kept: Library, owner: str) -> None:
    for whose in (owner, None):
        for by in SIZES:
            [found] = await kept.reading.statistics.activity(whose, NOON, NOON + DAY, by)
            assert (found.conversations, found.turns, found.people) == (1, 1, 1)


async def test_all_of_somebody_takes_the_numbers_too(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    bob = await person(kept.database, "bob")
    await conversation(kept.database, ada, ["tea"])
    await conversation(kept.database, bob, ["tea"])
    kept.clock.now = NOON + 2 * DAY
    await kept.reading.statistics.roll()
    await kept.reading.deletions.everything(kept.actor(ada), ada)
    assert await kept.reading.statistics.activity(ada, NOON, NOON + DAY, "hour") == []
    await _is_counted_once(kept, bob)


async def test_a_range_is_bounded(kept: Library) -> None:
    for since, until in ((NOON, NOON), (NOON, NOON - 1), (NOON, NOON + 367 * DAY)):
        with pytest.raises(BadInput):
            await kept.reading.statistics.activity(None, since, until, "day")


@given(st.lists(st.integers(1, 600_000), min_size=1), st.sampled_from([0.5, 0.95]))
def test_percentiles_are_exact_to_two_and_a_half_percent(times: list[int], share: float) -> None:
    exact = sorted(times)[math.ceil(share * len(times)) - 1]
    shown = percentile(Counter(map(step_of, times)), share)
    assert shown is not None
    # A step is 5 %, and whole milliseconds are shown.
    assert abs(shown - exact) <= 0.026 * exact + 1


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile(Counter(), 0.5) is None
