"""Speech and noise to measure recognition with: espeak-ng through ctypes, 16 kHz, the same bytes on every run."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import espeakng_loader
import numpy as np
import numpy.typing as npt
import soxr

RATE = 16_000
Sound = npt.NDArray[np.float32]
"""Mono at 16 kHz, full scale ±1."""

_SYNCHRONOUS, _RATE, _PITCH, _UTF8 = 2, 1, 3, 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Speaker:
    """An espeak-ng voice (`language+variant`) at `speed` words per minute."""

    voice: str
    speed: int = 160
    pitch: int = 50


FITTING_SPEAKERS = (
    Speaker("en-us", 160),
    Speaker("en", 170, 45),
    Speaker("en-us+f2", 150),
    Speaker("en+m3", 165, 40),
    Speaker("en-us+klatt", 150),
    Speaker("en-gb-scotland+f3", 160),
)
"""The rejection model was fitted on these; none of them is heard in the measurement."""

MEASURING_SPEAKERS = (
    Speaker("en-us+m7", 165),
    Speaker("en", 150, 60),
    Speaker("en-gb-scotland", 155),
    Speaker("en-us+f4", 165, 55),
    Speaker("en+klatt2", 155, 40),
)
"""The five voices of the measurement."""


class _Espeak:
    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self._rate <= 0:
            raise RuntimeError("espeak-ng did not start")
        self._blocks: list[Sound] = []
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, block: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if block and count > 0:
            self._blocks.append(np.ctypeslib.as_array(block, (count,)).astype(np.float32) / 32768)
        return 0

    def say(self, text: str, speaker: Speaker) -> Sound:
        if self._library.espeak_SetVoiceByName(speaker.voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {speaker.voice}")
        self._library.espeak_SetParameter(_RATE, speaker.speed, 0)
        self._library.espeak_SetParameter(_PITCH, speaker.pitch, 0)
        self._blocks.clear()
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, len(encoded), 0, 0, 0, _UTF8, None, None)
        return soxr.resample(np.concatenate(self._blocks), self._rate, RATE)


@functools.cache
def _espeak() -> _Espeak:
    return _Espeak()


def say(text: str, speaker: Speaker) -> Sound:
    """`text` spoken, trimmed of espeak-ng's own silence, peak at −6 dB."""
    sound = _espeak().say(text, speaker)
    loud = np.flatnonzero(np.abs(sound) > 0.005)
    sound = sound[loud[0] : loud[-1] + 1]
    return (sound * (0.5 / np.abs(sound).max())).astype(np.float32)
