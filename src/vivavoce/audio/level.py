"""Level: how loud sound is, and a gate that spares the voice detector the windows that cannot be speech.

Levels are in dBFS, 0 for full scale; digital silence is `SILENCE_DB` so that no infinity reaches a peer.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from vivavoce.audio.pcm import Samples

SILENCE_DB: Final = -96.0
"""Below one step of 16 bits."""
_FULL: Final = 32_768.0

_highest = np.maximum.reduce
_lowest = np.minimum.reduce


def peak(samples: Samples) -> int:
    """The largest distance from zero, 0–32,768; 0 for no samples."""
    if not len(samples):
        return 0
    return max(int(_highest(samples)), -int(_lowest(samples)))


def peak_db(samples: Samples) -> float:
    """The peak in dBFS."""
    return _db(peak(samples))


def rms_db(samples: Samples) -> float:
    """The root mean square in dBFS."""
    if not len(samples):
        return SILENCE_DB
    scaled = samples.astype(np.float32)
    return _db(math.sqrt(float(np.dot(scaled, scaled)) / len(samples)))


def _db(amplitude: float) -> float:
    return max(SILENCE_DB, 20.0 * math.log10(amplitude / _FULL)) if amplitude > 0 else SILENCE_DB


GATE_MOST: Final = 40
"""Peak from which a window is always scored (−58 dBFS), whatever the noise."""
GATE_LEAST: Final = 4
"""Peak below which a window is dither."""
_ABOVE_FLOOR: Final = 1.6
"""A window this far (4 dB) above the noise floor may be speech; the peaks of steady noise stay within it."""
_RISE: Final = 1.03
"""The floor doubles in 0.75 s of louder windows and falls at once."""
_HANGOVER: Final = 6
"""Windows scored after one that may be speech: a plosive's closure or a weak syllable is inside the word."""


class EnergyGate:
    """Tells the windows of one session that cannot be speech, at about 2 µs each.

    The threshold follows the noise floor up to `most` (0 gates nothing) and never above, so loud rooms are always
    scored, and the noise of a good microphone nearly never. How 40 was chosen, with three human recordings scaled
    down, four levels of noise, and Silero behind the gate: with a loudest peak of −21 dBFS or more no onset came
    more than one window later than without a gate; from −30 dBFS a detector that has slept may miss a first, weak
    word. A fixed threshold of 60 lost twice as much speech; 32 lost a quarter less but scores every fourth window of
    noise at −72 dBFS, where 40 scores one in fifty.

    Ask only while the segmenter is quiet (`Segmenter.maybe`): inside speech every window is to be scored.
    """

    __slots__ = ("_floor", "_open", "_top")

    def __init__(self, most: int = GATE_MOST) -> None:
        self._top = most / _ABOVE_FLOOR
        self._floor = self._top
        self._open = 0

    def quiet(self, window: Samples) -> bool:
        """True: this window cannot be speech and need not be scored."""
        loudest = max(int(_highest(window)), -int(_lowest(window)))
        floor = self._floor
        if loudest < floor:
            self._floor = min(self._top, max(float(loudest), GATE_LEAST / _ABOVE_FLOOR))
        elif floor < self._top:
            self._floor = min(floor * _RISE, self._top)
        if loudest >= floor * _ABOVE_FLOOR:
            self._open = _HANGOVER
            return False
        if self._open:
            self._open -= 1
            return False
        return True
