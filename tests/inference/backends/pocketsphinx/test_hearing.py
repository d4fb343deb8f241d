"""What is worth decoding at all, and what is saved in haste."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from vivavoce.audio.pcm import INPUT_RATE, silence, view
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.pocketsphinx.hearing import Hearing, audible
from vivavoce.inference.backends.pocketsphinx.rejection import transcript
from vivavoce.inference.ports import SpeechRequest


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


@pytest.mark.journey
async def test_in_haste_a_clear_command_costs_no_free_pass_and_other_speech_is_still_none() -> None:
    voice = EspeakSynthesizer()

    async def said(text: str) -> bytes:
        spoken = b"".join([chunk.pcm async for chunk in voice.speak(SpeechRequest(text))])
        sound = np.pad(soxr.resample(view(spoken), voice.capabilities.rate, INPUT_RATE), INPUT_RATE // 4)
        return pcm(sound + hiss(15, 1 + len(sound) / INPUT_RATE)[: len(sound)])

    hearing = Hearing("#JSGF V1.0; grammar few; public <c> = what time is it | turn the volume up | what can you do;")
    command, other = await said("what can you do"), await said("the children played football in the garden")
    voice.close()
    hasty = hearing.judge_hastily(command)
    assert transcript(hasty).text == transcript(hearing.judge(command)).text == "what can you do"
    assert not hasty.prose
    assert transcript(hearing.judge_hastily(other)) == transcript(hearing.judge(other))
