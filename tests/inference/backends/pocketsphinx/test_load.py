"""What is refused, and what is done in haste, from what jobs were seen to cost."""

import pytest

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.inference.backends.pocketsphinx.load import CROWDED_S, NOTICEABLE_S, Load
from vivavoce.inference.backends.pocketsphinx.worker import Kind

SECOND = INPUT_RATE * SAMPLE_BYTES
COMMAND = (Kind.JUDGE, 2 * SECOND)


def busy(size, seconds):
    """A load whose processes were seen to need `seconds` for a command."""
    load = Load(size, foreseen_s=3.0)
    for _ in range(50):
        load.took(COMMAND, seconds)
    return load


def test_costs_are_learnt_per_second_of_sound_and_kind_of_work():
    load = busy(1, 1.0)
    assert load.cost((Kind.JUDGE, 6 * SECOND)) == pytest.approx(3.0)
    assert load.cost((Kind.READ, SECOND)) == Load(1, 3.0).cost((Kind.READ, SECOND))


def test_one_odd_job_does_not_change_much():
    load = busy(1, 1.0)
    load.took(COMMAND, 3.0)
    assert 1.0 < load.cost(COMMAND) < 2.0


@pytest.mark.parametrize(("size", "room"), [(1, 3), (4, 9)])
def test_as_many_are_admitted_as_can_be_done_in_time(size, room):
    load = busy(size, 0.99)
    admitted = []
    while not load.is_full(COMMAND, admitted, []):
        admitted.append(COMMAND)
    assert len(admitted) == room


def test_what_runs_counts_with_what_is_left_of_it_and_what_is_stuck_with_ever_more():
    load = busy(1, 1.0)
    waiting = [COMMAND]
    assert load.is_full(COMMAND, waiting, [(COMMAND, 0.0), (COMMAND, 0.0)])
    assert not load.is_full(COMMAND, waiting, [(COMMAND, 0.5)])
    assert load.is_full(COMMAND, [], [(COMMAND, 4.0)])


def test_a_crowd_is_over_some_seconds_after_the_last_one_waited_or_was_refused():
    load = Load(1, 3.0)
    assert not load.is_crowded(0.0)
    load.waited(NOTICEABLE_S / 2, at=10.0)
    assert not load.is_crowded(10.0)
    load.waited(NOTICEABLE_S * 2, at=10.0)
    assert load.is_crowded(10.0 + CROWDED_S / 2)
    load.refused(at=12.0)
    assert load.is_crowded(11.9 + CROWDED_S)
    assert not load.is_crowded(12.0 + CROWDED_S)
