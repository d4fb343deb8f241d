from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.channels.limits import DUPLEX, STREAMING, Allowance, ErrorWindow, HttpLimits, SocketLimits


def test_the_defaults_are_the_agreed_ones() -> None:
    assert (DUPLEX.message_bytes, DUPLEX.bytes_per_s, DUPLEX.burst_bytes) == (1 << 20, 96 << 10, 192 << 10)
    assert DUPLEX.resume_burst_bytes >= 30 * DUPLEX.bytes_per_s
    assert (STREAMING.message_bytes, STREAMING.bytes_per_s) == (8 << 20, 4 << 20)
    limits = SocketLimits()
    assert (limits.first_message_s, limits.ping_s, limits.blocked_s) == (10, 30, 5)
    http = HttpLimits()
    assert (http.head_bytes, http.fields, http.head_s, http.body_bytes_per_s) == (16 << 10, 100, 10, 1 << 10)
    assert (limits.errors, limits.errors_within_s, limits.send_buffer_bytes) == (20, 10, 256 << 10)


def test_an_allowance_starts_full_and_fills_again() -> None:
    allowance = Allowance(rate=10, burst=20, now=0.0)
    assert allowance.take(20, 0.0)
    assert not allowance.take(1, 0.0)
    assert allowance.take(10, 1.0)
    assert not allowance.take(1, 1.0)


def test_a_refused_amount_costs_nothing() -> None:
    allowance = Allowance(rate=10, burst=20, now=0.0)
    assert not allowance.take(21, 0.0)
    assert allowance.take(20, 0.0)


def test_a_grant_comes_on_top_of_the_burst() -> None:
    allowance = Allowance(rate=10, burst=20, now=0.0)
    allowance.grant(300)
    assert allowance.take(320, 0.0)
    assert not allowance.take(1, 0.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 50)), max_size=50))
def test_never_more_than_rate_and_burst(steps: list[tuple[float, int]]) -> None:
    allowance, now, taken = Allowance(rate=10, burst=20, now=0.0), 0.0, 0
    for wait, amount in steps:
        now += wait
        if allowance.take(amount, now):
            taken += amount
    assert taken <= 20 + 10 * now + 1e-6


def test_errors_count_only_within_their_window() -> None:
    window = ErrorWindow(3, 10.0)
    assert [window.add(now) for now in (0.0, 6.0, 11.0, 12.0, 13.0)] == [False, False, False, True, True]
