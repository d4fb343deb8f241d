from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.level import GATE_MOST, SILENCE_DB, EnergyGate, peak, peak_db, rms_db
from vivavoce.audio.pcm import Samples

WINDOW = 512


def tone(amplitude: int, windows: int = 1) -> Samples:
    time = np.arange(WINDOW * windows)
    return np.round(amplitude * np.sin(2 * np.pi * time / 64)).astype("<i2")


def noise(rms: float, windows: int, seed: int = 1) -> Samples:
    return np.round(np.random.default_rng(seed).normal(0, rms, (windows, WINDOW))).astype("<i2")


def test_full_scale_is_zero_and_a_sine_is_three_below() -> None:
    assert peak_db(tone(32767)) == pytest.approx(0, abs=0.01)
    assert rms_db(tone(32767)) == pytest.approx(-3.01, abs=0.01)
    assert rms_db(tone(3277)) == pytest.approx(-23.01, abs=0.01)


def test_the_lowest_sample_is_a_peak_too() -> None:
    assert peak(np.array([-32768, 5], "<i2")) == 32768
    assert peak(np.array([-7, 5], "<i2")) == 7


@pytest.mark.parametrize("count", [0, 100])
def test_silence_has_a_finite_level(count: int) -> None:
    samples = np.zeros(count, "<i2")
    assert rms_db(samples) == peak_db(samples) == SILENCE_DB
    assert peak(samples) == 0


def test_digital_silence_is_gated_from_the_first_window() -> None:
    gate = EnergyGate()
    assert all(gate.quiet(np.zeros(WINDOW, "<i2")) for _ in range(10))


def test_steady_noise_of_a_microphone_is_gated() -> None:
    gate = EnergyGate()
    assert np.mean([gate.quiet(window) for window in noise(8, 500)]) > 0.9


def test_a_loud_room_is_always_scored() -> None:
    gate = EnergyGate()
    assert not any(gate.quiet(window) for window in noise(60, 500))


def test_low_speech_in_a_quiet_room_opens_the_gate_at_once() -> None:
    gate = EnergyGate()
    assert all(gate.quiet(window) for window in noise(1, 100)[20:])
    assert not gate.quiet(tone(15))


def test_weak_windows_after_an_open_one_are_scored() -> None:
    gate = EnergyGate()
    gate.quiet(tone(3000))
    assert [gate.quiet(tone(2)) for _ in range(8)] == [False] * 6 + [True] * 2


def test_a_gate_of_zero_gates_nothing() -> None:
    gate = EnergyGate(most=0)
    assert not any(gate.quiet(np.zeros(WINDOW, "<i2")) for _ in range(10))


@given(st.lists(st.integers(0, 32767), max_size=60), st.integers(GATE_MOST, 32767))
def test_whatever_came_before_a_window_at_the_bound_is_scored(before: list[int], amplitude: int) -> None:
    gate = EnergyGate()
    for level in before:
        gate.quiet(np.full(WINDOW, level, "<i2"))
    assert not gate.quiet(np.full(WINDOW, -amplitude, "<i2"))
