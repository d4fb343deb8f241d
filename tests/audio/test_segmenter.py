from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.segmenter import Boundary, Confirmed, Dismissed, Ended, Onset, Segmenter, SegmenterSettings
from vivavoce.errors import ConfigError

HIGH, MIDDLE, LOW = 0.9, 0.4, 0.1
"""Above `on`; between `off` and `on`; below `off`."""

scores = st.lists(st.sampled_from([HIGH, MIDDLE, LOW, 0.5, 0.35]), max_size=80)
settings = st.builds(
    lambda confirm, more, release: SegmenterSettings(confirm=confirm, confirm_within=confirm + more, release=release),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(1, 4),
)


def run(scores: list[float], settings: SegmenterSettings | None = None) -> list[Boundary]:
    segmenter = Segmenter(settings or SegmenterSettings())
    return [boundary for score in scores for boundary in segmenter.push(score)]


def test_a_word_begins_at_its_first_window_and_ends_with_its_last() -> None:
    assert run([LOW, LOW, HIGH, HIGH, HIGH, HIGH, LOW, LOW]) == [Onset(64), Confirmed(64), Ended(192)]


def test_onset_is_told_with_the_first_window_and_confirmed_with_the_third() -> None:
    segmenter = Segmenter(SegmenterSettings())
    assert segmenter.push(HIGH) == (Onset(0),)
    assert segmenter.push(HIGH) == ()
    assert segmenter.push(HIGH) == (Confirmed(0),)
    assert segmenter.speaking


def test_a_click_is_dismissed_as_soon_as_it_can_no_longer_be_a_word() -> None:
    segmenter = Segmenter(SegmenterSettings())
    told = [segmenter.push(score) for score in [HIGH, LOW, LOW, LOW]]
    assert told == [(Onset(0),), (), (), (Dismissed(128),)]
    assert not segmenter.maybe


def test_a_weak_window_inside_the_first_word_does_not_dismiss_it() -> None:
    assert run([HIGH, LOW, HIGH, MIDDLE, HIGH]) == [Onset(0), Confirmed(0)]


def test_a_score_between_the_thresholds_keeps_speech_but_does_not_begin_it() -> None:
    assert run([MIDDLE] * 20) == []
    assert run([HIGH] * 3 + [MIDDLE] * 20) == [Onset(0), Confirmed(0)]


def test_one_low_window_does_not_end_speech() -> None:
    assert run([HIGH] * 3 + [LOW, HIGH, LOW, HIGH]) == [Onset(0), Confirmed(0)]


def test_a_new_onset_follows_an_end_at_once() -> None:
    assert run([HIGH] * 3 + [LOW] * 2 + [HIGH]) == [Onset(0), Confirmed(0), Ended(96), Onset(160)]


def test_finish_ends_what_is_open() -> None:
    segmenter = Segmenter(SegmenterSettings())
    assert segmenter.finish() == ()
    segmenter.push(HIGH)
    assert segmenter.finish() == (Dismissed(32),)
    for score in [HIGH] * 3 + [LOW]:
        segmenter.push(score)
    assert segmenter.finish() == (Ended(128),)
    assert segmenter.finish() == ()


def test_other_windows_and_rates_count_in_audio_time_without_drift() -> None:
    segmenter = Segmenter(SegmenterSettings(confirm=1, confirm_within=1), window=441, rate=44_100)
    for _ in range(360_000):
        segmenter.push(LOW)
    assert segmenter.push(HIGH)[0] == Onset(3_600_000)


def test_quiet_windows_share_one_empty_answer() -> None:
    segmenter = Segmenter(SegmenterSettings())
    assert segmenter.push(LOW) is segmenter.push(LOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"on": 0.3, "off": 0.35},
        {"off": 0.0},
        {"on": 1.1},
        {"confirm": 0},
        {"confirm": 6},
        {"release": 0},
    ],
)
def test_settings_that_can_never_be_met_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        SegmenterSettings(**wrong)  # type: ignore[arg-type]


FOLLOWS: dict[type[Boundary], tuple[type[Boundary], ...]] = {
    Onset: (Dismissed, Confirmed),
    Dismissed: (Onset,),
    Confirmed: (Ended,),
    Ended: (Onset,),
}


@given(scores, settings)
def test_boundaries_come_in_order_and_time_never_goes_back(scores: list[float], settings: SegmenterSettings) -> None:
    told = run(scores, settings)
    assert not told or isinstance(told[0], Onset)
    for one, other in pairwise(told):
        assert type(other) in FOLLOWS[type(one)]
        assert other.at >= one.at
    assert all(0 <= boundary.at <= 32 * len(scores) for boundary in told)


@given(scores, settings)
def test_what_is_told_never_depends_on_what_comes_later(scores: list[float], settings: SegmenterSettings) -> None:
    whole = run(scores, settings)
    half = run(scores[: len(scores) // 2], settings)
    assert whole[: len(half)] == half


@given(scores, settings, st.integers(0, 50))
def test_silence_before_only_shifts(scores: list[float], settings: SegmenterSettings, windows: int) -> None:
    shifted = [type(boundary)(boundary.at + 32 * windows) for boundary in run(scores, settings)]
    assert run([LOW] * windows + scores, settings) == shifted


@given(scores, settings)
def test_enough_silence_leaves_nothing_open(scores: list[float], settings: SegmenterSettings) -> None:
    told = run(scores + [LOW] * 8, settings)
    assert not told or isinstance(told[-1], Dismissed | Ended)
