"""espeak-ng itself, by ctypes: one instance in a process, called by one thread at a time.

Constants and structures are those of espeak-ng 1.52, `speak_lib.h`.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol

from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.errors import BackendError, BackendUnavailable
from vivavoce.inference.backends.espeak.voices import EspeakVoice
from vivavoce.inference.translate import translating

RATE = 22_050
BUFFER_MS = 200
MOST_SAMPLES = 180 * RATE
"""Of one call: 300 digits read out stay below it; what does not is cut."""

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DO_NOT_EXIT = 0x1, 0x2, 0x8000
_UTF8, _END_PAUSE = 1, 0x1000
_WORD_EVENT, _PHONEME_EVENT = 1, 7
_SET_RATE, _SET_VOLUME = 1, 2
_WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 80, 450
_PAUSES = tuple(",.;:!?…，。！？；：、")


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Buffer(NamedTuple):
    """A piece of sound with what begins in it; `at` in samples, `place` in characters, both from the piece's start."""

    pcm: bytes
    words: list[tuple[int, int]]
    """(at, place)"""
    phonemes: list[tuple[int, str]]
    """(at, IPA or "" for a pause)"""


Sink = Callable[[Buffer], bool]
"""Takes a buffer on the worker thread; False stops the synthesis. Must not raise."""


class Engine(Protocol):
    """What the synthesizer needs of espeak-ng."""

    def say(self, voice: EspeakVoice, speed: float, text: str, sink: Sink) -> None:
        """Speaks `text`, calling `sink` with each buffer. Blocks; raises BackendError."""
        ...


class Library:
    """Loaded once (see `library`); `say` may be called from any thread and locks the others out."""

    def __init__(self) -> None:
        with translating("espeak-ng", "tts_failed"):
            import espeakng_loader

            self._lib: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            data = espeakng_loader.get_data_path()
        except RuntimeError as error:
            raise BackendUnavailable("espeak-ng's voices are missing", code="tts_failed") from error
        options = _PHONEME_EVENTS | _IPA | _DO_NOT_EXIT
        rate = self._lib.espeak_Initialize(_SYNCHRONOUS, BUFFER_MS, data.encode(), options)
        if rate != RATE:
            raise BackendUnavailable(f"espeak-ng cannot start: it answered {rate}", code="tts_failed")
        self._lock = threading.Lock()
        self._voice = ""
        self._sink: Sink | None = None
        self._made = 0
        # Kept as a member: ctypes does not, and the library would call freed memory.
        self._callback = _Callback(self._on_sound)
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, voice: EspeakVoice, speed: float, text: str, sink: Sink) -> None:
        """See `Engine`."""
        rate = round(min(max(_WORDS_PER_MINUTE * speed, _SLOWEST), _FASTEST))
        pause = _END_PAUSE if text.rstrip().endswith(_PAUSES) else 0
        spoken = text.encode(errors="replace")
        with self._lock:
            self._select(voice)
            self._lib.espeak_SetParameter(_SET_RATE, rate, 0)
            self._sink, self._made = sink, 0
            try:
                failed = self._lib.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, _UTF8 | pause, None, None)
            finally:
                self._sink = None
        if failed:
            raise BackendError(f"espeak-ng failed ({failed})", code="tts_failed")

    def _select(self, voice: EspeakVoice) -> None:
        if voice.identifier == self._voice:
            return
        self._voice = ""
        if self._lib.espeak_SetVoiceByName(voice.identifier.encode()):
            raise BackendError(f"espeak-ng has no voice {voice.identifier}", code="tts_failed")
        self._lib.espeak_SetParameter(_SET_VOLUME, voice.volume, 0)
        self._voice = voice.identifier

    def _on_sound(self, sound: int | None, count: int, events: Any) -> int:
        """Called by espeak-ng with each buffer, on the thread that is in `say`. 1 stops it."""
        words: list[tuple[int, int]] = []
        phonemes: list[tuple[int, str]] = []
        number = 0
        while kind := (event := events[number]).type:
            number += 1
            if kind == _WORD_EVENT:
                words.append((event.sample, event.text_position - 1))
            elif kind == _PHONEME_EVENT:
                name = event.id.string.decode(errors="ignore").lstrip("ˈˌ")
                # "(en)" tells of a change of language inside the text, and sounds like nothing.
                if not name.startswith("("):
                    phonemes.append((event.sample, name))
        pcm = ctypes.string_at(sound, count * SAMPLE_BYTES) if sound and count else b""
        self._made += count
        if self._sink is None or self._made > MOST_SAMPLES:
            return 1
        if not pcm and not words and not phonemes:
            return 0
        return 0 if self._sink(Buffer(pcm, words, phonemes)) else 1


@cache
def library() -> Library:
    """The process's one espeak-ng, loaded at the first call (some ms). Raises BackendUnavailable."""
    return Library()
