"""The offline voice: espeak-ng through ctypes, with word times and phonemes.

espeak-ng is one instance per process and not thread-safe; here one worker thread speaks for all sessions, in
pieces of at most 300 characters, first come first served, so that nobody's long text holds up the others for
more than the few ms such a piece takes. Espeak cannot pause inside a piece, but it can be stopped at each buffer
of 200 ms. At most one piece of a speech is made ahead of its reader: that is the bound of what waits.

The text is plain: no SSML, no phoneme markup, no control characters. Positions count characters from 1 and are
off inside expanded numbers ("3.5" is four words to espeak), so a word mark is the written word around it.

Of the flags and structures: espeak-ng 1.52, `speak_lib.h`.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

from vivavoce.aio import Mailbox
from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.errors import BackendError, BackendUnavailable
from vivavoce.inference.ports import (
    PhonemeMark,
    SpeechChunk,
    SpeechRequest,
    SynthesizerCapabilities,
    Voice,
    WordMark,
)
from vivavoce.inference.translate import translating
from vivavoce.inference.words import has_chinese, pieces, spans

_RATE = 22_050
_BUFFER_MS = 200
_MOST_CHARACTERS = 300
_MOST_SAMPLES = 180 * _RATE
"""Of one piece: 300 digits read out slowly stay below it; what does not is cut."""
_MOST_CHUNKS = _MOST_SAMPLES * 1000 // (_RATE * _BUFFER_MS) + 200
_WAITING = 256
"""Speeches being made or waiting; with one more the machine is too busy, and that one is told so."""

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DO_NOT_EXIT = 0x1, 0x2, 0x8000
_UTF8, _END_PAUSE = 1, 0x1000
_WORD_EVENT, _PHONEME_EVENT = 1, 7
_SET_RATE, _SET_VOLUME = 1, 2
_WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 80, 450
_PAUSES = tuple(",.;:!?…，。！？；：、")


class _EspeakVoice(NamedTuple):
    id: str
    language: str
    name: str
    identifier: str
    volume: int
    """Percent at which running speech is about -21 dBFS (RMS) and its peaks stay below -1.5 dBFS, measured per
    voice; at 100 the Mandarin ones clip."""


_VOICES = (
    _EspeakVoice("en-us", "en", "English (US)", "gmw/en-US", 80),
    _EspeakVoice("en-us-f", "en", "English (US), high", "gmw/en-US+f3", 77),
    _EspeakVoice("en-gb", "en", "English (UK)", "gmw/en", 80),
    _EspeakVoice("en-gb-f", "en", "English (UK), high", "gmw/en+f2", 75),
    _EspeakVoice("en-gb-rp", "en", "English (Received Pronunciation)", "gmw/en-GB-x-rp", 76),
    _EspeakVoice("en-gb-scotland", "en", "English (Scotland)", "gmw/en-GB-scotland", 70),
    _EspeakVoice("cmn", "zh", "普通话", "sit/cmn", 60),
    _EspeakVoice("cmn-f", "zh", "普通话（高音）", "sit/cmn+f3", 66),
)


# ── the library ───────────────────────────────────────────────────────────────────────────────────


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


class _Buffer(NamedTuple):
    """A piece of sound with what begins in it; `at` in samples, `place` in characters, both from the piece's start."""

    pcm: bytes
    words: list[tuple[int, int]]
    """(at, place)"""
    phonemes: list[tuple[int, str]]
    """(at, IPA or "" for a pause)"""


Sink = Callable[[_Buffer], bool]
"""Takes a buffer on the worker thread; False stops the synthesis. Must not raise."""


class _Library:
    """espeak-ng itself. One per process (`_library`); `say` locks it."""

    def __init__(self) -> None:
        with translating("espeak-ng", "tts_failed"):
            import espeakng_loader

            self._lib: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            data = espeakng_loader.get_data_path()
        except RuntimeError as error:
            raise BackendUnavailable("espeak-ng's voices are missing", code="tts_failed") from error
        options = _PHONEME_EVENTS | _IPA | _DO_NOT_EXIT
        rate = self._lib.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data.encode(), options)
        if rate != _RATE:
            raise BackendUnavailable(f"espeak-ng cannot start: it answered {rate}", code="tts_failed")
        self._lock = threading.Lock()
        self._voice = ""
        self._sink: Sink | None = None
        self._made = 0
        # Kept as a member: ctypes does not, and the library would call freed memory.
        self._callback = _Callback(self._on_sound)
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, voice: _EspeakVoice, speed: float, text: str, sink: Sink) -> None:
        """Speaks `text`, calling `sink` with each buffer. Blocks; raises BackendError."""
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

    def _select(self, voice: _EspeakVoice) -> None:
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
        if self._sink is None or self._made > _MOST_SAMPLES:
            return 1
        if not pcm and not words and not phonemes:
            return 0
        return 0 if self._sink(_Buffer(pcm, words, phonemes)) else 1


@cache
def _library() -> _Library:
    return _Library()


# ── the synthesizer ───────────────────────────────────────────────────────────────────────────────


class _Marks:
    """Places of one text into marks of its speech: each written word once, in order.

    Espeak tells of no word that it reads together with the one before; such a one is marked where the next begins.
    """

    def __init__(self, text: str) -> None:
        self._spans = spans(text)
        self._starts = [start for start, _ in self._spans]
        self._next = 0
        self._pause = False

    def of(self, buffer: _Buffer, place: int, at: int) -> tuple[WordMark | PhonemeMark, ...]:
        """Marks of a buffer whose piece begins at character `place` and at sample `at`."""
        marks: list[WordMark | PhonemeMark] = []
        for sample, character in buffer.words:
            marks += self._words_to(place + character, at + sample)
        for sample, name in buffer.phonemes:
            if name or not self._pause:
                marks.append(PhonemeMark(at + sample, name))
            self._pause = not name
        marks.sort(key=lambda mark: mark.at)
        return tuple(marks)

    def rest(self, place: int, at: int) -> tuple[WordMark, ...]:
        """Marks for what was not told of before character `place`, where the sound is over at sample `at`."""
        return tuple(self._words_to(place - 1, at))

    def _words_to(self, place: int, at: int) -> list[WordMark]:
        word = bisect_right(self._starts, place)
        new = [WordMark(at, *span) for span in self._spans[self._next : word]]
        self._next = max(self._next, word)
        return new


class EspeakSynthesizer:
    """Speaks English and Mandarin at 22,050 Hz. Raises BackendUnavailable when espeak-ng cannot be loaded."""

    def __init__(self) -> None:
        self._library = _library()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._waiting = 0
        voices = tuple(Voice(voice.id, voice.language, voice.name) for voice in _VOICES)
        self._capabilities = SynthesizerCapabilities("espeak", _RATE, voices, word_times=True, phonemes=True)

    @property
    def capabilities(self) -> SynthesizerCapabilities:
        return self._capabilities

    def close(self) -> None:
        """Ends the worker thread; what is being spoken ends early."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        voice = _voice_for(request)
        text = _plain(request.text)
        marks = _Marks(text)
        made = 0
        if self._waiting >= _WAITING:
            raise BackendError("too many speeches at once", code="tts_failed")
        self._waiting += 1
        try:
            for place, piece in pieces(text, _MOST_CHARACTERS):
                start = made
                held: SpeechChunk | None = None
                speech = _Speech(self._pool, self._library, voice, request.speed, piece)
                try:
                    async for buffer in speech.buffers:
                        # One is held back (for less than a ms), so that the last can carry the last marks.
                        if held is not None:
                            yield held
                        made += len(buffer.pcm) // SAMPLE_BYTES
                        held = SpeechChunk(buffer.pcm, marks.of(buffer, place, start))
                    await speech.work
                finally:
                    speech.stop()
                if held is not None:
                    yield SpeechChunk(held.pcm, held.marks + marks.rest(place + len(piece), made))
        finally:
            self._waiting -= 1


class _Speech:
    """One piece on its way from the worker thread to the loop."""

    def __init__(
        self, pool: ThreadPoolExecutor, library: _Library, voice: _EspeakVoice, speed: float, text: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        # Room for the longest piece: the worker, which others wait for, never waits for a reader.
        self.buffers: Mailbox[_Buffer] = Mailbox(_MOST_CHUNKS, "close")
        try:
            self.work = self._loop.run_in_executor(pool, self._render, library, voice, speed, text)
        except RuntimeError as error:
            raise BackendError("the voice was shut down", code="tts_failed") from error
        self.work.add_done_callback(self._over)

    def _render(self, library: _Library, voice: _EspeakVoice, speed: float, text: str) -> None:
        if not self._stopped:
            library.say(voice, speed, text, self._hand_over)

    def _hand_over(self, buffer: _Buffer) -> bool:
        if self._stopped:
            return False
        try:
            self._loop.call_soon_threadsafe(self.buffers.post, buffer)
        except RuntimeError:
            # The loop was closed: nobody listens any more.
            return False
        return True

    def _over(self, work: asyncio.Future[None]) -> None:
        self.buffers.close()
        # Looked at here, so that an error after the reader has gone is not reported as never retrieved.
        _ = work.cancelled() or work.exception()

    def stop(self) -> None:
        """Stops at the next buffer, or before it begins."""
        self._stopped = True
        self.work.cancel()


def _voice_for(request: SpeechRequest) -> _EspeakVoice:
    """The voice asked for, else the first of the language; Chinese text always gets a Mandarin one.

    A name of another synthesizer's voice is no error: this one may stand in for it.
    """
    language = request.language.split("-")[0].lower()
    voice = next((voice for voice in _VOICES if voice.id == request.voice), None)
    if voice is not None:
        language = voice.language
    # An English voice would read each character as "Chinese letter"; a Mandarin one reads English well.
    if has_chinese(request.text):
        language = "zh"
    if voice is None or voice.language != language:
        voice = next((voice for voice in _VOICES if voice.language == language), None)
    if voice is None:
        raise BackendError(f"no espeak voice here speaks {language!r}", code="tts_failed")
    return voice


def _plain(text: str) -> str:
    """`text` with a blank in place of each control character and lone surrogate, so that places stay true."""
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in text)
