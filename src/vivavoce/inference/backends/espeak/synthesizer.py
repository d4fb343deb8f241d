"""Speech from espeak-ng for many sessions: text in pieces to one worker thread, sound and marks back to the loop."""

from __future__ import annotations

import asyncio
import unicodedata
from bisect import bisect_right
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from vivavoce.aio import Mailbox
from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.errors import BackendError
from vivavoce.inference.backends.espeak.library import BUFFER_MS, MOST_SAMPLES, RATE, Buffer, Engine, library
from vivavoce.inference.backends.espeak.voices import VOICES, EspeakVoice, voice_for
from vivavoce.inference.ports import (
    PhonemeMark,
    SpeechChunk,
    SpeechRequest,
    SynthesizerCapabilities,
    Voice,
    WordMark,
)
from vivavoce.inference.words import pieces, spans

_MOST_CHARACTERS = 300
_MOST_CHUNKS = MOST_SAMPLES * 1000 // (RATE * BUFFER_MS) + 200
"""Full buffers of the longest piece, and the short ones at the ends of its clauses."""
_WAITING = 256
"""Speeches being made or waiting; with one more the machine is too busy, and that one is told so."""


class _Marks:
    """Places of one text into marks of its speech: each written word once, in order.

    Espeak tells of no word that it reads together with the one before; such a one is marked where the next begins.
    """

    def __init__(self, text: str) -> None:
        self._spans = spans(text)
        self._starts = [start for start, _ in self._spans]
        self._next = 0
        self._pause = False

    def of(self, buffer: Buffer, place: int, at: int) -> tuple[WordMark | PhonemeMark, ...]:
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
    """Speaks with `VOICES` at 22,050 Hz. Raises BackendUnavailable when espeak-ng cannot be loaded."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or library()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._waiting = 0
        voices = tuple(Voice(voice.id, voice.language, voice.name) for voice in VOICES)
        self._capabilities = SynthesizerCapabilities("espeak", RATE, voices, word_times=True, phonemes=True)

    @property
    def capabilities(self) -> SynthesizerCapabilities:
        return self._capabilities

    def close(self) -> None:
        """Ends the worker thread when the piece in work is done; speeches that wait for it fail."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        voice = voice_for(request)
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
                speech = _Speech(self._pool, self._engine, voice, request.speed, piece)
                try:
                    async for buffer in speech.buffers:
                        # One is held back (for less than a ms), so that the last can carry the last marks.
                        if held is not None:
                            yield held
                        made += len(buffer.pcm) // SAMPLE_BYTES
                        held = SpeechChunk(buffer.pcm, marks.of(buffer, place, start))
                    await speech.ended()
                finally:
                    speech.stop()
                if held is not None:
                    yield SpeechChunk(held.pcm, held.marks + marks.rest(place + len(piece), made))
        finally:
            self._waiting -= 1


class _Speech:
    """One piece on its way from the worker thread to the loop."""

    def __init__(self, pool: ThreadPoolExecutor, engine: Engine, voice: EspeakVoice, speed: float, text: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        # Room for the longest piece: the worker, which others wait for, never waits for a reader.
        self.buffers: Mailbox[Buffer] = Mailbox(_MOST_CHUNKS, "close")
        try:
            self.work = self._loop.run_in_executor(pool, self._render, engine, voice, speed, text)
        except RuntimeError as error:
            raise _shut_down() from error
        self.work.add_done_callback(self._over)

    def _render(self, engine: Engine, voice: EspeakVoice, speed: float, text: str) -> None:
        if not self._stopped:
            engine.say(voice, speed, text, self._hand_over)

    def _hand_over(self, buffer: Buffer) -> bool:
        if self._stopped:
            return False
        try:
            self._loop.call_soon_threadsafe(self.buffers.post, buffer)
        except RuntimeError:
            # The loop was closed: nobody listens any more.
            return False
        return True

    async def ended(self) -> None:
        """Raises what went wrong."""
        if self.work.cancelled():
            raise _shut_down()
        await self.work

    def _over(self, work: asyncio.Future[None]) -> None:
        self.buffers.close()
        # Looked at here, so that an error after the reader has gone is not reported as never retrieved.
        _ = work.cancelled() or work.exception()

    def stop(self) -> None:
        """Stops at the next buffer, or before it begins."""
        self._stopped = True
        self.work.cancel()


def _shut_down() -> BackendError:
    return BackendError("the voice was shut down", code="tts_failed")


def _plain(text: str) -> str:
    """`text` with a blank in place of each control character and lone surrogate, so that places stay true."""
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in text)
