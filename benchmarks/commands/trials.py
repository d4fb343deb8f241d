"""What is played to the recogniser: sentences of given speakers with noise, and sound that is no speech at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.commands import sentences, spoken
from benchmarks.commands.spoken import RATE, Sound, Speaker

Noise = Callable[[int, np.random.Generator], Sound]
"""Makes `n` samples of RMS 1."""

SNRS = (None, 20, 15, 10)
"""dB over the speech's RMS; None is a quiet room (−60 dB of full scale)."""
_BEFORE, _AFTER = 0.3, 0.4
"""Seconds of room around the speech, as the segmenter leaves them."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`text` is what was said, "" for no speech. `command` says whether it is one."""

    text: str
    command: bool
    pcm: bytes
    speaker: str
    noise: str
    snr: int | None


def _level(sound: Sound) -> Sound:
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def white(n: int, rng: np.random.Generator) -> Sound:
    return _level(rng.normal(size=n))


def hum(n: int, rng: np.random.Generator) -> Sound:
    """Mains hum with its overtones and a little hiss."""
    time = np.arange(n) / RATE
    tones = sum(np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6)) / k for k in range(1, 12))
    return _level(tones + 0.1 * rng.normal(size=n))


def _shaped(n: int, rng: np.random.Generator, power: float) -> Sound:
    spectrum = np.fft.rfft(rng.normal(size=n)) / (np.arange(n // 2 + 1) + 20) ** power
    return _level(np.fft.irfft(spectrum, n))


def pink(n: int, rng: np.random.Generator) -> Sound:
    return _shaped(n, rng, 0.5)


def street(n: int, rng: np.random.Generator) -> Sound:
    """A low rumble that swells and fades."""
    swell = 1 + 0.7 * np.sin(2 * np.pi * 0.7 * np.arange(n) / RATE + rng.uniform(0, 6))
    return _level(_shaped(n, rng, 1.0) * swell)


def music(n: int, rng: np.random.Generator) -> Sound:
    """Four chords a second, of three plucked strings each."""
    out = np.zeros(n, np.float32)
    beat = RATE // 4
    decay = np.exp(-np.arange(beat) / (0.12 * RATE))
    for start in range(0, n - beat, beat):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        for step in (1, 5 / 4, 3 / 2):
            wave = sum(np.sin(2 * np.pi * root * step * k * np.arange(beat) / RATE) / k for k in (1, 2, 3, 4))
            out[start : start + beat] += wave * decay
    return _level(out + 1e-4)


class Babble:
    """Six voices at once."""

    def __init__(self, speakers: Sequence[Speaker], texts: Sequence[str]) -> None:
        self._voices = [np.concatenate([spoken.say(text, speaker) for text in texts]) for speaker in speakers]

    def __call__(self, n: int, rng: np.random.Generator) -> Sound:
        out = np.zeros(n, np.float32)
        for index in range(6):
            voice = self._voices[index % len(self._voices)]
            start = int(rng.integers(len(voice)))
            out += np.tile(voice, n // len(voice) + 2)[start : start + n]
        return _level(out)


def fitting(every: int = 1) -> Iterator[Trial]:
    """The trials that the rejection model is fitted on."""
    speakers = spoken.FITTING_SPEAKERS
    babble = Babble(speakers[1:4], sentences.FITTING.others[10:16])
    yield from _trials(sentences.FITTING, speakers, {"white": white, "hum": hum, "babble": babble}, 5, every)


def measuring(every: int = 1) -> Iterator[Trial]:
    """The trials that are reported: other voices, sentences and (but for babble of other voices) noises."""
    speakers = spoken.MEASURING_SPEAKERS
    babble = Babble(speakers[:3], sentences.MEASURING.others[10:16])
    yield from _trials(sentences.MEASURING, speakers, {"pink": pink, "babble": babble, "street": street}, 6, every)


def _trials(
    corpus: sentences.Corpus, speakers: Sequence[Speaker], noises: dict[str, Noise], seed: int, every: int
) -> Iterator[Trial]:
    rng = np.random.default_rng(seed)
    said = [(text, True) for text in corpus.commands] + [(text, False) for text in corpus.others]
    kinds = tuple(noises)
    order = [(turn, index) for turn in range(len(speakers)) for index in range(len(said))]
    chosen = set(random.Random(seed).sample(order, len(order) // every))
    for turn, index in order:
        (text, command), speaker, snr = said[index], speakers[turn], SNRS[(index + turn) % len(SNRS)]
        kind = kinds[(index // len(SNRS) + turn) % len(kinds)] if snr is not None else "none"
        if (turn, index) in chosen:
            pcm = _mixed(spoken.say(text, speaker), noises.get(kind, white), snr, rng)
            yield Trial(text, command, pcm, speaker.voice, kind, snr)
    for kind, noise in [*noises.items(), ("music", music)]:
        for seconds in (1.0, 2.0, 4.0)[:: min(every, 3)]:
            yield Trial("", False, _pcm(0.1 * noise(int(seconds * RATE), rng)), "nobody", kind, None)


def _mixed(speech: Sound, noise: Noise, snr: int | None, rng: np.random.Generator) -> bytes:
    room = np.pad(speech, (int(_BEFORE * RATE), int(_AFTER * RATE)))
    level = 0.001 if snr is None else float(np.sqrt(np.mean(speech**2))) * 10 ** (-snr / 20)
    return _pcm(room + level * noise(len(room), rng))


def _pcm(sound: Sound) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
