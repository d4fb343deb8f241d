"""The speaking half of a cascade view: one `Reply` makes one answer, from text over clauses to paced-ready sound.

A reply may begin before its turn is committed. Until then everything it has to say, and every effect it
would have, waits in a buffer; `commit` lets it out, `cancel` drops it. Two tasks work side by side: one reads
the responder and cuts clauses, the other synthesises them, so that the first clause sounds while the model
is still thinking about the last.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import numpy as np

from vivavoce import aio
from vivavoce.audio.pcm import SAMPLE_BYTES, view
from vivavoce.audio.resample import StreamResampler
from vivavoce.conversation.clauses import ClauseSplitter
from vivavoce.conversation.events import (
    Event,
    FirstClause,
    FirstSound,
    Saying,
)
from vivavoce.conversation.outputs import (
    Act,
    EndReason,
    Expression,
    Output,
    Problem,
    ReplyAudio,
    ReplyAudioEnd,
    ReplyStarted,
    ReplyText,
    Tokens,
)
from vivavoce.conversation.responder import Answer
from vivavoce.conversation.skills import Effect
from vivavoce.errors import BackendError, BadAudio, Closed
from vivavoce.inference.ports import SpeechChunk, SpeechRequest, Synthesizer, Usage, WordMark
from vivavoce.inference.visemes import visemes

AHEAD_MS = 12_000
"""A reply is made at most this far ahead of what was played; then the synthesizer waits."""
PIECE_S = 10
"""Seconds of sound that are made ready at once."""
GLIDE_MS = 60
"""From one mouth shape of a phoneme to its next."""
REPORT_MS = 500
"""What was played is known this often; words that sound before the next report may come back as an echo."""
CLAUSES = 32
"""Clauses waiting for the synthesizer; then the model waits."""
_AFTER_WORD = re.compile(r"[^\w\s]*\s*")
_APOLOGY = {
    "en": "Sorry, I could not think of an answer just now.",
    "zh": "抱歉，我刚才没能想出回答。",
}


@dataclass(frozen=True, slots=True)
class Speech:
    """How replies of this session sound. `volume()` is percent, read for each piece."""

    synthesizer: Synthesizer
    language: str
    voice: str | None
    rate: int
    volume: Callable[[], int]
    limit_ms: int = 300_000
    silent: bool = False
    """Text only: no sound is made (turn-based chat with `audio: false`)."""


@dataclass(slots=True)
class Stamps:
    """Loop times of a reply's milestones; 0 until reached."""

    began: float = 0.0
    first_text: float = 0.0
    first_clause: float = 0.0
    first_sound: float = 0.0
    committed: float = 0.0


class Reply:
    """One attempt at an answer. `emit` takes outputs, `notify` events for the turn machine."""

    def __init__(
        self,
        attempt: int,
        answer: AsyncIterator[Answer],
        speech: Speech,
        emit: Callable[[Output], None],
        notify: Callable[[Event], None],
    ) -> None:
        self.attempt = attempt
        self.number = 0
        self.stamps = Stamps()
        self._answer = answer
        self._speech = speech
        self._emit = emit
        self._notify = notify
        self._held_back: list[Callable[[], None]] = []
        self._effects: list[Effect] = []
        self._clauses: aio.Mailbox[str] = aio.Mailbox(CLAUSES, "wait")
        self._tasks: list[asyncio.Task[None]] = []
        self._resampler: StreamResampler | None = None
        self._text = ""
        self._speechless = True
        self._shown = 0
        self._made = 0
        self._ended = False
        self._end: EndReason = "completed"
        self._played_ms = 0.0
        self._unheard: deque[tuple[int, str]] = deque()
        """Words and the samples they sound from, until they are played: bounded, as the text is."""
        self._room: asyncio.Event | None = None

    # ── what the view does with it ────────────────────────────────────────────────────────────

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to think. Nothing is audible before `commit`."""
        self.stamps.began = aio.now()
        self._tasks = [
            aio.spawn(group, self._think(), f"reply {self.attempt} text"),
            aio.spawn(group, self._voice(), f"reply {self.attempt} speech"),
        ]

    def commit(self, number: int, turn: int, said: str) -> None:
        """The turn stands: carry out the effects, then let out what was held back, in order."""
        self.number = number
        self.stamps.committed = aio.now()
        self._emit(ReplyStarted(number, turn, said))
        self._emit(Act(tuple(self._effects)))
        held, self._held_back = self._held_back, []
        for let_out in held:
            let_out()

    def cancel(self) -> None:
        """Stop at once and say nothing more; safe in any state."""
        self._ended = True
        self._held_back.clear()
        self._clauses.close()
        for task in self._tasks:
            task.cancel()

    def played(self, ms: float) -> None:
        """So much of it has been heard: there is room for as much more."""
        self._played_ms = max(self._played_ms, ms)
        if self._room is not None:
            self._room.set()
        soon = (ms + REPORT_MS) * self._speech.rate / 1000
        while self._unheard and self._unheard[0][0] <= soon:
            self._notify(Saying(self.number, self._unheard.popleft()[1]))

    # ── thinking ──────────────────────────────────────────────────────────────────────────────

    async def _think(self) -> None:
        try:
            try:
                await self._read()
            except BackendError as error:
                await self._fail_to_think(error)
        except Closed:
            return  # the voice has ended: limit, failure or cancel
        self._clauses.close()

    async def _read(self) -> None:
        splitter = ClauseSplitter(self._speech.language)
        async with aio.closing(self._answer) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    self.stamps.first_text = self.stamps.first_text or aio.now()
                    for clause in splitter.push(piece):
                        await self._say(clause)
                elif isinstance(piece, Usage):
                    self._say_tokens(piece)
                else:
                    self._act(piece)
        if rest := splitter.flush():
            await self._say(rest)

    async def _say(self, clause: str) -> None:
        self._speechless = False
        if not clause.isascii():
            clause = clause.encode(errors="replace").decode()  # half a surrogate pair can be neither spoken nor sent
        await self._clauses.put(clause)

    async def _fail_to_think(self, error: BackendError) -> None:
        message, retryable = error.message, error.retryable
        self._let(lambda: self._emit(Problem("llm_failed", message, retryable=retryable)))
        self._end = "failed"
        if self._speechless:
            language = self._speech.language if self._speech.language in _APOLOGY else "en"
            await self._say(_APOLOGY[language])

    def _act(self, effect: Effect) -> None:
        if self.number:
            self._emit(Act((effect,)))
        else:
            self._effects.append(effect)

    def _say_tokens(self, usage: Usage) -> None:
        self._let(lambda: self._emit(Tokens(self.number, usage.cached_tokens, usage.input_tokens, usage.output_tokens)))

    # ── speaking ──────────────────────────────────────────────────────────────────────────────

    async def _voice(self) -> None:
        try:
            async for clause in self._clauses:
                self._text += clause
                if not self.stamps.first_clause:
                    self.stamps.first_clause = aio.now()
                    self._let(lambda: self._notify(FirstClause(self.number)))
                if not self._speech.silent and clause.strip():
                    await self._pronounce(clause)
                self._show(len(self._text), None if self._speech.silent else self._made)
                if self._limit_reached():
                    self._let(lambda: self._emit(Problem("reply_limit", "The reply was longer than replies may be.")))
                    break
        except (BackendError, BadAudio) as error:  # BadAudio: what the synthesizer gives is no whole samples
            message, retryable = error.message, error.retryable
            self._let(lambda: self._emit(Problem("tts_failed", message, retryable=retryable)))
            self._end = "failed"
        self._clauses.close()
        # After a limit or a failure nobody hears the rest of the answer: its work and its tools end here.
        self._tasks[0].cancel()
        if self._resampler is not None:
            self._sound(self._resampler.flush())
        self._let(lambda: self._emit(ReplyAudioEnd(self.number, self._made, self._end)))

    async def _pronounce(self, clause: str) -> None:
        speech = self._speech
        words = clause.strip()
        start = len(self._text) - len(clause) + clause.index(words[0])
        begins = self._made
        request = SpeechRequest(words, speech.language, speech.voice)
        if not speech.synthesizer.capabilities.word_times:
            self._show(len(self._text), begins)
        async with aio.closing(speech.synthesizer.speak(request)) as chunks:
            async for chunk in chunks:
                self._mark(chunk, start, begins)
                pcm = self._at_rate(chunk.pcm)
                for at in range(0, len(pcm), self._piece):
                    self._sound(pcm[at : at + self._piece])
                    if self._limit_reached():
                        return
                    await self._pace()

    def _mark(self, chunk: SpeechChunk, start: int, begins: int) -> None:
        ratio = self._speech.rate / self._speech.synthesizer.capabilities.rate
        for mark in chunk.marks:
            at = begins + round(mark.at * ratio)
            if isinstance(mark, WordMark):
                stop = start + mark.stop
                match = _AFTER_WORD.match(self._text, stop)
                self._show(match.end() if match else stop, at)
            else:
                # A diphthong glides: its second shape follows while the first still sounds.
                for step, shape in enumerate(visemes(mark.phoneme)):
                    self._express(at + step * self._speech.rate * GLIDE_MS // 1000, shape)

    def _express(self, at: int, shape: str) -> None:
        self._let(lambda: self._emit(Expression(self.number, at, viseme=shape)))

    def _show(self, until: int, at: int | None) -> None:
        """Show the text up to `until`, which sounds from sample `at` on."""
        if until <= self._shown:
            return
        delta, self._shown = self._text[self._shown : until], until
        if at is not None:
            self._unheard.append((at, delta))
        self._let(lambda: self._emit(ReplyText(self.number, delta, at)))

    def _at_rate(self, pcm: bytes) -> bytes:
        source, target = self._speech.synthesizer.capabilities.rate, self._speech.rate
        if source == target:
            return pcm
        if self._resampler is None:
            self._resampler = StreamResampler(source, target)
        return self._resampler.push(pcm)

    def _sound(self, pcm: bytes) -> None:
        if len(pcm) % SAMPLE_BYTES:
            raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples")
        pcm = pcm[: max(0, self._limit - self._made) * SAMPLE_BYTES]
        if not pcm:
            return
        pcm = louder(pcm, self._speech.volume())
        offset = self._made
        self._made += len(pcm) // SAMPLE_BYTES
        first = not self.stamps.first_sound
        if first:
            self.stamps.first_sound = aio.now()
        self._let(lambda: self._emit(ReplyAudio(self.number, offset, pcm)))
        if first:
            self._let(lambda: self._notify(FirstSound(self.number)))

    @property
    def _piece(self) -> int:
        """Bytes that leave at a time; some synthesizers give minutes in one chunk."""
        return self._speech.rate * SAMPLE_BYTES * PIECE_S

    @property
    def _limit(self) -> int:
        """Samples that the reply may have."""
        return self._speech.rate * self._speech.limit_ms // 1000

    @property
    def _made_ms(self) -> float:
        return self._made * 1000 / self._speech.rate

    def _limit_reached(self) -> bool:
        if self._made < self._limit:
            return False
        self._end = "limit"
        return True

    async def _pace(self) -> None:
        while self._made_ms - self._played_ms > AHEAD_MS:
            self._room = asyncio.Event()
            await self._room.wait()

    def _let(self, out: Callable[[], None]) -> None:
        """Now, or as soon as the turn is committed; never after a cancel."""
        if self._ended:
            return
        if self.number:
            out()
        else:
            self._held_back.append(out)


def louder(pcm: bytes, volume: int) -> bytes:
    """Apply a volume of 0–100 %. Loudness follows roughly the 1.66th power of the amplitude's share."""
    if volume >= 100:
        return pcm
    gain = (max(volume, 0) / 100) ** 1.66
    return bytes((view(pcm) * np.float32(gain)).astype("<i2"))
