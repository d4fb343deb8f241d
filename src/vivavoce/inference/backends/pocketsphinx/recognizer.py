"""The Recognizer: an utterance is judged whenever it pauses, so that its end finds the work done already."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES, view
from vivavoce.errors import BackendBusy, Closed, VivavoceError
from vivavoce.inference.backends.pocketsphinx.crew import Crew, Job, Outcome
from vivavoce.inference.backends.pocketsphinx.load import Limits
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding, transcript
from vivavoce.inference.backends.pocketsphinx.worker import Kind
from vivavoce.inference.grammar import Grammar
from vivavoce.inference.ports import Language, Recognition, RecognizerCapabilities, Transcript
from vivavoce.inference.stopper import Stopper

_SECOND = INPUT_RATE * SAMPLE_BYTES
LONGEST = 60 * _SECOND
"""Bytes of an utterance; what comes after them is not heard."""
LONGEST_COMMAND = 8 * _SECOND
"""Longer speech is read in parts while it goes on, and is no command."""
_LOOK_EVERY = _SECOND // 10
_GLANCE_EVERY = _SECOND * 3 // 10
"""Sound after which the growing utterance is glanced at again, while it is short; later after a fifth of its length,
since each glance hears all of it."""
_PAUSE = _SECOND // 5
"""Quiet that may be the end, so that judging begins."""
_BLOCK = INPUT_RATE // 50
_SEARCH_CUT = 3 * _SECOND
"""A part ends at the quietest moment of its last 3 s."""
_QUIET_SHARE = 0.12
"""A block this far below the utterance's loudest one is a pause (−18 dB)."""
_NO_SPEECH_RMS = 60.0
_REHEARSAL_S = 15.0
"""A machine that needs longer for a sentence, for which half a second is usual, is busy with other things; what it told
now would not hold.
"""
SENTENCE_EVERY_S = 10.0
"""How often each of many people says something, where their number is told."""


def processes(cores: int | None = None) -> int:
    """Decoding processes for a machine of that many cores: one is left to the loop, and four are enough."""
    return max(1, min(4, (cores or os.cpu_count() or 1) - 1))


class PocketsphinxRecognizer:
    """English, offline. Knows the sentences of `grammar` well and other speech roughly; None: free speech only.

    The processes start with `warm` or with the first utterance, and end with `close`.
    """

    capabilities = RecognizerCapabilities("pocketsphinx", ("en",), partials=True, open_vocabulary=False, tail_ms=160)

    def __init__(self, grammar: Grammar | None, size: int | None = None, limits: Limits | None = None) -> None:
        """`size` decoding processes; None: as many as suit this machine."""
        self._crew = Crew(grammar.jsgf if grammar else "", size or processes(), limits or Limits())
        self._known = ReadParts()

    async def warm(self) -> None:
        """Return once a process has loaded and it is known how fast. Raises ConfigError for a grammar that cannot be
        used, and BackendError.
        """
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[VivavoceError | None] = loop.create_future()

        def tell(error: VivavoceError | None) -> None:
            _on_loop(loop, lambda: None if loaded.done() else loaded.set_result(error))

        self._crew.start(tell)
        error = await loaded
        if error is not None:
            raise error
        took_s = await self._rehearse()
        if took_s:
            self.capabilities = replace(
                self.capabilities, conversations=max(1, int(self._crew.size * SENTENCE_EVERY_S / took_s))
            )

    async def _rehearse(self) -> float | None:
        """Seconds that a sentence takes where many wait, on this machine as it is now; None where nothing came back."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()

        def deliver(outcome: Outcome) -> None:
            _on_loop(loop, lambda: None if done.done() else done.set_result(outcome))

        job = Job(Kind.JUDGE_HASTILY, _rehearsal(), deliver)
        if not self._crew.ask(job):
            return None
        try:
            async with asyncio.timeout(_REHEARSAL_S):
                outcome = await done
        except TimeoutError:
            self._crew.withdraw(job)
            return None
        return None if isinstance(outcome, VivavoceError) else time.monotonic() - job.since

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> Recognition:
        self._crew.start()
        return PocketsphinxRecognition(self._crew, self._known, on_partial)

    def close(self) -> None:
        """End the processes. What is still being recognised raises Closed."""
        self._crew.close()


class ReadParts:
    """The latest parts of long speech and their words: a speaker who goes on after a pause is heard from the start."""

    def __init__(self, limit: int = 256) -> None:
        self._known: OrderedDict[bytes, Understanding] = OrderedDict()
        self._limit = limit

    def get(self, pcm: bytes) -> Understanding | None:
        return self._known.get(_digest(pcm))

    def put(self, pcm: bytes, found: Understanding) -> None:
        self._known[_digest(pcm)] = found
        if len(self._known) > self._limit:
            self._known.popitem(last=False)


class PocketsphinxRecognition:
    """One utterance. At most one job at a time is with the crew."""

    def __init__(self, crew: Crew, known: ReadParts, on_partial: Callable[[str], None] | None) -> None:
        self._crew = crew
        self._known = known
        self._on_partial = on_partial
        self._loop = asyncio.get_running_loop()
        self._stopper = Stopper()
        self._sound = bytearray()
        self._measured = 0
        self._loudest = _NO_SPEECH_RMS
        self._loud_until = 0
        """Byte after the last one that was no pause."""
        self._read = 0
        """Bytes that have been read as parts of long speech, whose words are in `_parts`."""
        self._parts: list[Understanding] = []
        self._looked = 0
        self._judged: tuple[int, Understanding] | None = None
        """Up to which byte the latest judgement heard, and what it was."""
        self._job: asyncio.Future[Understanding] | None = None
        self._asked: tuple[Kind, int] = (Kind.GLANCE, 0)
        self._withdraw: Callable[[], None] = _nothing
        self._told = ""
        self._over: str | None = None

    # ── the port ──────────────────────────────────────────────────────────────────────────────────

    def feed(self, pcm: bytes) -> None:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        self._sound += pcm[: LONGEST - len(self._sound)]
        if len(self._sound) - self._measured >= _LOOK_EVERY:
            self._measure()
            if self._job is None:
                self._look()

    async def finish(self) -> Transcript:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        self._over = "finished"
        try:
            async with asyncio.timeout(self._crew.limits.answer_s):
                return await self._stopper.run(self._conclude())
        except TimeoutError:
            raise BackendBusy("the recogniser of this machine cannot keep up", code="asr_failed") from None
        finally:
            self._drop()

    def cancel(self) -> None:
        self._over = "cancelled"
        self._drop()
        self._stopper.stop()

    # ── while it is spoken ────────────────────────────────────────────────────────────────────────

    def _measure(self) -> None:
        """Follow loudness, in blocks of 20 ms."""
        size = _BLOCK * SAMPLE_BYTES
        count = (len(self._sound) - self._measured) // size
        if not count:
            return
        new = view(bytes(self._sound[self._measured : self._measured + count * size])).reshape(count, _BLOCK)
        for level in np.sqrt((new.astype(np.float32) ** 2).mean(axis=1)):
            self._measured += size
            self._loudest = max(self._loudest, float(level))
            if level > max(_NO_SPEECH_RMS, self._loudest * _QUIET_SHARE):
                self._loud_until = self._measured

    def _look(self) -> None:
        """Give the crew something to do early, when it has nothing better to do."""
        length = len(self._sound)
        if self._is_long():
            self._submit(Kind.READ, self._read, self._cut(), spare=False)
        elif self._parts or not self._loud_until:
            return
        elif length - self._loud_until >= _PAUSE and not self._is_judged():
            self._submit(Kind.JUDGE, 0, length, spare=True)
        elif (
            length - self._looked >= max(_GLANCE_EVERY, length // 5)
            and self._on_partial is not None
            and self._loud_until > self._looked
        ):
            self._looked = length
            self._submit(Kind.GLANCE, 0, length, spare=True)

    def _is_long(self) -> bool:
        """A part must be read before more is heard: there are `LONGEST_COMMAND` bytes, and a second to be sure."""
        return len(self._sound) - self._read > LONGEST_COMMAND + (0 if self._parts else _SECOND)

    def _is_judged(self) -> bool:
        return self._judged is not None and self._judged[0] >= self._loud_until

    def _cut(self) -> int:
        """Where the next part ends: the middle of the quietest 200 ms of its last 3 s."""
        stop = self._read + LONGEST_COMMAND
        sound = view(bytes(self._sound[stop - _SEARCH_CUT : stop])).astype(np.float32) ** 2
        power = np.convolve(sound.reshape(-1, _BLOCK).mean(axis=1), np.ones(10), mode="valid")
        return stop - _SEARCH_CUT + (int(power.argmin()) + 5) * _BLOCK * SAMPLE_BYTES

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, kind: Kind, start: int, stop: int, *, spare: bool) -> bool:
        answer: asyncio.Future[Understanding] = self._loop.create_future()

        def deliver(outcome: Outcome) -> None:
            _on_loop(self._loop, lambda: self._delivered(answer, outcome))

        pcm = bytes(self._sound[start:stop])
        known = self._known.get(pcm) if kind is Kind.READ else None
        if known is not None:
            self._job, self._asked = answer, (kind, stop)
            self._loop.call_soon(self._delivered, answer, known)
            return True
        job = Job(kind, pcm, deliver)
        if not self._crew.ask(job, spare=spare):
            return False
        self._job, self._asked, self._withdraw = answer, (kind, stop), lambda: self._crew.withdraw(job)
        return True

    def _delivered(self, answer: asyncio.Future[Understanding], outcome: Outcome) -> None:
        if answer is not self._job:
            return
        self._withdraw()
        self._job, self._withdraw = None, _nothing
        if isinstance(outcome, VivavoceError):
            # Early work that failed is done again at the end, which raises then.
            if self._over is not None and not answer.done():
                answer.set_exception(outcome)
            return
        self._note(outcome)
        if not answer.done():
            answer.set_result(outcome)
        if self._over is None:
            self._look()

    def _note(self, outcome: Understanding) -> None:
        kind, stop = self._asked
        if kind is Kind.READ:
            self._known.put(bytes(self._sound[self._read : stop]), outcome)
            self._read = stop
            self._parts.append(outcome)
            self._tell(" ".join(part.prose for part in self._parts if part.prose))
        elif kind is Kind.JUDGE:
            self._judged = (stop, outcome)
            self._tell(transcript(outcome).text)
        else:
            self._tell(outcome.command)

    def _tell(self, text: str) -> None:
        if self._over is None and self._on_partial is not None and text and text != self._told:
            self._told = text
            self._on_partial(text)

    def _drop(self) -> None:
        self._withdraw()
        self._withdraw = _nothing
        self._job = None

    # ── at the end ────────────────────────────────────────────────────────────────────────────────

    async def _conclude(self) -> Transcript:
        self._measure()
        if not self._loud_until:
            return Transcript("")
        kind, stop = self._asked
        if self._job is not None and (kind is Kind.READ or (kind is Kind.JUDGE and stop >= self._loud_until)):
            await self._wait()
        else:
            self._drop()
        while self._is_long():
            await self._demand(Kind.READ, self._read, self._cut())
        if self._parts:
            if self._loud_until > self._read:
                await self._demand(Kind.READ, self._read, len(self._sound))
            return _joined(self._parts)
        if not self._is_judged():
            await self._demand(Kind.JUDGE, 0, len(self._sound))
        assert self._judged is not None
        return transcript(self._judged[1])

    async def _demand(self, kind: Kind, start: int, stop: int) -> None:
        if not self._submit(kind, start, stop, spare=False):
            raise BackendBusy("too many people speak at once for the recogniser of this machine", code="asr_failed")
        await self._wait()

    async def _wait(self) -> None:
        assert self._job is not None
        await self._job


def _joined(parts: list[Understanding]) -> Transcript:
    """Long speech: its words together; as clear as its parts are on average of their length."""
    said = [part for part in parts if part.prose]
    if not said:
        return Transcript("")
    letters = sum(len(part.prose) for part in said)
    clarity = math.fsum(part.clarity * len(part.prose) for part in said) / letters
    return transcript(Understanding(prose=" ".join(part.prose for part in said), clarity=clarity))


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """From a thread of the crew; a loop that has ended needs no answer any more."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _rehearsal() -> bytes:
    """Two seconds that cost about as much as a sentence: noise in the rhythm of syllables."""
    moment = np.arange(2 * INPUT_RATE) / INPUT_RATE
    noise = np.random.default_rng(0).normal(0, 3000, len(moment))
    syllables = np.maximum(0, np.sin(2 * np.pi * 4 * moment))
    return bytes((noise * syllables).clip(-32_768, 32_767).astype("<i2"))


def _digest(pcm: bytes) -> bytes:
    return blake2b(pcm, digest_size=16).digest()


def _nothing() -> None:
    pass
