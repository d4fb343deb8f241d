"""The sample clock: sound as it comes, silence where none does, kept sound where it belongs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.archive.clock import RATE, SampleClock

FRAME_S = 0.02


class Feed:
    """Someone whose sound comes in frames of 20 ms; the clock is looked at twice a second."""

    def __init__(self, start: int = 0) -> None:
        self.clock = SampleClock(0.0, start)
        self.now = 0.0
        self.placed: list[tuple[int, int]] = []
        self._fed = 0

    def come(self, seconds: float, pace: float = 1.0) -> None:
        """Sound, `pace` times as fast as it was spoken."""
        for _ in range(round(seconds / FRAME_S)):
            self._pass(FRAME_S / pace)
            self.clock.fed += round(FRAME_S * RATE)

    def silence(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self._pass(FRAME_S)

    def look(self, *, final: bool = False) -> None:
        at = self.clock.look(self.now, final=final)
        if at is not None:
            self.placed.append((at, self.clock.fed - self._fed))
            self._fed = self.clock.fed

    def _pass(self, seconds: float) -> None:
        before = self.now
        self.now += seconds
        if int(before * 2) != int(self.now * 2):
            self.look()


def test_sound_that_comes_as_it_is_spoken_is_the_time() -> None:
    feed = Feed()
    feed.come(3600)
    feed.look()
    assert feed.clock.position(feed.now) == 3600 * RATE
    assert all(at == before + count for (before, count), (at, _) in zip(feed.placed, feed.placed[1:], strict=False))


def test_a_client_whose_clock_is_not_ours_loses_and_gains_nothing() -> None:
    for pace in (0.999, 1.001):
        feed = Feed()
        feed.come(1800, pace)
        feed.look(final=True)
        assert feed.clock.at_input(1800 * RATE - 1) == 1800 * RATE - 1


def test_where_no_sound_comes_time_goes_on() -> None:
    feed = Feed()
    feed.come(5)
    feed.silence(10)
    assert abs(feed.clock.position(feed.now) - 15 * RATE) <= 2 * FRAME_S * RATE
    feed.come(5)
    feed.look(final=True)
    assert abs(feed.clock.at_input(5 * RATE) - 15 * RATE) <= 2 * FRAME_S * RATE
    assert abs(feed.clock.position(feed.now) - 20 * RATE) <= 2 * FRAME_S * RATE


def test_sound_that_was_kept_goes_where_the_last_ended() -> None:
    feed = Feed()
    feed.come(5)
    feed.silence(10)
    feed.come(10, pace=3)
    feed.come(10)
    feed.look(final=True)
    assert feed.clock.at_input(5 * RATE) == 5 * RATE
    assert feed.clock.at_input(15 * RATE - 1) == 15 * RATE - 1
    # What was spoken while the kept sound was sent came after it: that long the clock was ahead.
    assert abs(feed.clock.position(feed.now) - (5 + 10 + 10 / 3 + 10) * RATE) <= RATE * 4


def test_who_was_muted_for_long_is_not_put_minutes_back_by_a_line_in_a_hurry() -> None:
    feed = Feed()
    feed.come(5)
    feed.silence(600)
    feed.come(2, pace=3)
    feed.come(5)
    feed.look(final=True)
    assert feed.clock.at_input(5 * RATE) >= 600 * RATE
    assert feed.clock.at_input(12 * RATE - 1) <= feed.clock.position(feed.now)


def test_a_stall_of_the_line_is_no_gap() -> None:
    feed = Feed()
    feed.come(5)
    feed.silence(2)
    feed.come(2, pace=200)
    feed.come(5)
    feed.look(final=True)
    assert feed.clock.at_input(12 * RATE - 1) == 12 * RATE - 1


def test_a_line_that_has_become_slower_makes_no_gap_in_a_word() -> None:
    feed = Feed()
    feed.come(5)
    feed.silence(0.2)
    feed.come(5)
    feed.look(final=True)
    assert feed.clock.at_input(10 * RATE - 1) == 10 * RATE - 1
    assert feed.clock.position(feed.now) == 10 * RATE


def test_more_sound_than_time_is_the_time() -> None:
    feed = Feed()
    feed.come(60, pace=10)
    assert feed.clock.position(feed.now) == 60 * RATE


def test_a_conversation_that_goes_on_begins_where_it_was() -> None:
    feed = Feed(start=100 * RATE)
    feed.come(1)
    feed.look()
    assert feed.placed[0][0] == 100 * RATE
    assert feed.clock.at_input(0) == 100 * RATE


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "burst", "silence"]), st.floats(0.1, 20, allow_nan=False)),
        min_size=1,
        max_size=12,
    )
)
def test_no_sample_is_lost_or_put_over_another(script: list[tuple[str, float]]) -> None:
    feed = Feed()
    for what, seconds in script:
        if what == "silence":
            feed.silence(seconds)
        else:
            feed.come(seconds, 1.0 if what == "come" else 5.0)
    feed.look(final=True)
    assert sum(count for _, count in feed.placed) == feed.clock.fed
    end = 0
    for at, count in feed.placed:
        assert at >= end
        end = at + count
    assert feed.clock.position(feed.now) >= end
