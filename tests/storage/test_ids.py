"""Ids are unique, in order, and well-formed, whatever the clock does."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.storage.clock import wall
from vivavoce.storage.ids import ID, new_id

moments = st.integers(0, 1_700_000_000_000)
"""Of the past: an id is never earlier than those of before, so one of the future would stay with the tests after it."""


@given(st.lists(moments, min_size=1, max_size=50))
def test_each_is_later_than_all_before_even_when_the_clock_goes_back(times: list[int]) -> None:
    made = [new_id(lambda at=at: at) for at in times]  # type: ignore[misc]
    assert made == sorted(set(made))


def test_many_in_one_moment_do_not_meet() -> None:
    made = [new_id(lambda: 7) for _ in range(20_000)]
    assert made == sorted(set(made))


def test_they_are_uuids_of_version_7_that_tell_their_time() -> None:
    before = wall()
    one = new_id()
    assert ID.fullmatch(one)
    read = uuid.UUID(one)
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert int(one[:12], 16) >= before
