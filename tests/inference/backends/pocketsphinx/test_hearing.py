"""What is worth decoding at all, and what is saved in haste."""

from __future__ import annotations

import numpy as np
import pytest

from vivavoce.audio.pcm import INPUT_RATE, silence
from vivavoce.inference.backends.pocketsphinx.hearing import audible


def hiss(level: float, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(2).normal(0, level, int(seconds * INPUT_RATE))


def pcm(sound: np.ndarray) -> bytes:
    return sound.clip(-32768, 32767).astype("<i2").tobytes()


def test_sound_that_comes_and_goes_over_the_noise_of_a_room() -> None:
    swell = np.sin(np.linspace(0, 20, INPUT_RATE)) ** 2
    assert audible(pcm(hiss(1500) * swell + hiss(400)))


@pytest.mark.parametrize(
    "sound",
    [b"", bytes(100), silence(1000, INPUT_RATE), pcm(hiss(20)), pcm(hiss(3000))],
    ids=["none", "less than a block", "silence", "a quiet room", "steady noise"],
)
def test_nothing(sound: bytes) -> None:
    assert not audible(sound)
