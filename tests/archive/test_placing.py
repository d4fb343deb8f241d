"""Where a reply sounds: from where it began, later by what it had to wait."""

from __future__ import annotations

from vivavoce.archive.clock import RATE
from vivavoce.archive.placing import Placing

SECOND = 24_000


def placing() -> Placing:
    """A reply at 24 kHz that began a second ago, at 10 s, of which 1.2 s came."""
    reply = Placing(1, SECOND, 0, 10 * RATE)
    for offset in range(0, SECOND * 6 // 5, SECOND // 5):
        assert reply.piece(offset, SECOND // 5, 10 * RATE + max(0, offset - SECOND // 5) * RATE // SECOND) == "on"
    return reply


def test_sample_by_sample() -> None:
    reply = placing()
    assert reply.began == 10 * RATE
    assert reply.place(SECOND) == 11 * RATE
    assert reply.place(3) == 10 * RATE + 2
    assert reply.sounding(10 * RATE + RATE // 2) == SECOND // 2
    assert reply.sounding(99 * RATE) == reply.came


def test_what_was_held_goes_on_at_the_very_sample() -> None:
    reply = placing()
    reply.hold(10 * RATE + RATE // 2)
    reply.hold(10 * RATE + RATE)
    reply.release(14 * RATE)
    assert reply.place(SECOND // 2 - 3) == 10 * RATE + RATE // 2 - 2
    assert reply.place(SECOND // 2) == 14 * RATE
    assert reply.place(SECOND) == 14 * RATE + RATE // 2
    assert reply.pieces(0, SECOND) == [(0, SECOND // 2, 10 * RATE), (SECOND // 2, SECOND, 14 * RATE)]


def test_a_source_that_ran_dry() -> None:
    reply = placing()
    assert reply.piece(reply.came, SECOND, 13 * RATE) == "late"
    assert reply.place(SECOND * 6 // 5) == 13 * RATE
    assert reply.place(SECOND) == 11 * RATE


def test_after_a_lost_line_it_goes_on_from_the_sample_heard_last() -> None:
    reply = placing()
    assert reply.piece(SECOND, SECOND // 5, 40 * RATE) == "again"
    assert reply.place(SECOND) == 40 * RATE
    assert reply.place(SECOND - 3) == 11 * RATE - 2
    assert reply.piece(SECOND * 6 // 5, SECOND, 40 * RATE) == "on"


def test_all_of_it_again() -> None:
    reply = placing()
    reply.piece(0, SECOND, 40 * RATE)
    assert reply.began == 40 * RATE


def test_a_release_that_was_not_held_is_nothing() -> None:
    reply = placing()
    reply.release(50 * RATE)
    assert reply.place(SECOND) == 11 * RATE
