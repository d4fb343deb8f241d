"""Speech to listen to: espeak-ng at 16 kHz, with the moment at which each word is over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vivavoce.audio.pcm import INPUT_RATE, Pcm, Samples, view
from vivavoce.audio.resample import resample
from vivavoce.inference.backends.espeak.library import RATE, Buffer, library
from vivavoce.inference.backends.espeak.voices import EspeakVoice
from vivavoce.inference.words import spans

LOUD = 160
"""Peak (−46 dBFS) from which espeak's sound is speech and not its fading out."""
NOISE = 8
"""Standard deviation (−72 dBFS) of the room around all speech: a good microphone."""

VOICES = tuple(
    EspeakVoice(name, "en", name, name, 78)
    for name in ("gmw/en-US", "gmw/en-US+f3", "gmw/en", "gmw/en-GB-scotland", "gmw/en-US+m7")
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words, their sound, and the sample at which each is over."""

    text: str
    sound: Samples
    ends: tuple[int, ...]


def say(text: str, voice: EspeakVoice, speed: float = 0.95) -> Utterance:
    """`text` spoken, without the silence around it. The words are spread by their length."""
    buffers: list[Buffer] = []

    def take(buffer: Buffer) -> bool:
        buffers.append(buffer)
        return True

    library().say(voice, speed, text, take)
    pcm = resample(Pcm(b"".join(buffer.pcm for buffer in buffers), RATE), INPUT_RATE)
    sound = pcm.samples
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > LOUD)
    sound = sound[loud[0] : loud[-1] + 1]
    return Utterance(text, sound, tuple(word_ends(text, len(sound))))


def word_ends(text: str, length: int) -> list[int]:
    """When each word of `text` is over in a sound of `length` samples, by its share of the characters."""
    return [length * stop // len(text) for _, stop in spans(text)]


def in_a_room(sound: Samples, seed: int) -> Samples:
    """`sound` over the noise of a quiet room, so that no sample is digital silence."""
    noise = np.random.default_rng(seed).normal(0, NOISE, len(sound))
    return np.clip(sound + noise, -32_768, 32_767).astype("<i2")


def quiet(milliseconds: int) -> Samples:
    """Silence."""
    return view(bytes(2 * INPUT_RATE * milliseconds // 1000))
