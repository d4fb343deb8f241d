from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.app.talk import plan
from vivavoce.audio.pcm import INPUT_RATE, silence


def noise(milliseconds: int, level: float, seed: int = 1) -> bytes:
    count = INPUT_RATE * milliseconds // 1000
    return (np.random.default_rng(seed).normal(0, level, count)).clip(-32_000, 32_000).astype("<i2").tobytes()


def test_utterances_are_what_lies_between_pauses() -> None:
    pcm = silence(500, INPUT_RATE) + noise(800, 3000) + silence(1500, INPUT_RATE) + noise(600, 3000)
    first, second = plan.utterances(pcm)
    assert (first.begin, first.end) == (300, 1100)
    assert len(first.pcm) == INPUT_RATE * 2 * (300 + 800 + 200) // 1000
    assert second.end - second.begin == 600


def test_a_short_pause_belongs_to_the_utterance() -> None:
    pcm = noise(400, 3000) + silence(500, INPUT_RATE) + noise(400, 3000)
    (only,) = plan.utterances(pcm)
    assert only.end - only.begin == 1300
    assert len(list(plan.utterances(pcm, pause_ms=300))) == 2


def test_a_hissing_recording_has_pauses_too() -> None:
    hiss = noise(4000, 150, seed=2)
    speech = noise(1000, 4000)
    pcm = hiss + speech + hiss + speech
    assert len(list(plan.utterances(pcm))) == 2


def test_silence_and_nothing_hold_no_utterance() -> None:
    assert not list(plan.utterances(b""))
    assert not list(plan.utterances(silence(2000, INPUT_RATE)))
    assert not list(plan.utterances(noise(2000, 20)))
    assert plan.whole(silence(100, INPUT_RATE)) == ()


def test_speech_from_edge_to_edge_is_one_utterance() -> None:
    (only,) = plan.utterances(noise(700, 3000))
    assert only.begin == 0
    assert only.end == 700


def test_the_whole_recording_is_kept_as_it_is() -> None:
    pcm = silence(500, INPUT_RATE) + noise(800, 3000) + silence(1500, INPUT_RATE) + noise(600, 3000)
    (only,) = plan.whole(pcm)
    assert only.pcm == pcm
    assert (only.begin, only.end) == (500, 3400)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(100, 900)), max_size=5), st.integers(1, 2000))
def test_no_speech_is_lost_or_said_twice(parts: list[tuple[int, int]], pause: int) -> None:
    pcm = b"".join(silence(quiet, INPUT_RATE) + noise(loud, 3000) for quiet, loud in parts)
    spoken = sum(step.end - step.begin for step in plan.utterances(pcm, pause))
    assert spoken >= sum(loud for _, loud in parts) - 40 * len(parts)
    assert spoken <= len(pcm) / 32 + 40
