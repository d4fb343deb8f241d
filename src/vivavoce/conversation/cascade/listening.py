"""The hearing half of a cascade view: keeps the utterance's sound and drives a recognition with it.

An utterance may be settled (finished as if it ended here) and taken up again when the speaker goes on; the
sound is kept, bounded by the utterance limit, so that the recogniser always hears the whole of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vivavoce import aio
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.ports import Recognition, Recognizer, Transcript

BYTES_PER_MS = INPUT_RATE * SAMPLE_BYTES // 1000
PRE_ROLL_MS = 300
"""Sound kept from before the first window that was clearly speech: soft consonants begin there."""
RECENT_MS = 1000
"""How far back `begin` can reach: the pre-roll and the time it takes to be sure of speech."""
SEALED_MS = 60_000
"""How far back it can reach while the words of a sealed utterance are awaited: the speaker may have gone on."""


class Listening:
    """One per view. `on_partial(text)`, `on_final(settle, transcript)` and `on_failure(settle, message)` are
    called on the loop.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        language: str,
        *,
        on_partial: Callable[[str], None],
        on_final: Callable[[int, Transcript], None],
        on_failure: Callable[[int, str], None],
    ) -> None:
        self._recognizer = recognizer
        self._language = language
        self._on_partial = on_partial
        self._on_final = on_final
        self._on_failure = on_failure
        self._recent = bytearray()
        self._utterance: bytearray | None = None
        self._recognition: Recognition | None = None
        self._settling: asyncio.Task[None] | None = None
        self._finishing: Recognition | None = None
        self.heard_ms = 0
        """Sound fed so far, in ms: the audio time of this session."""
        self._odd = 0

    def feed(self, pcm: bytes) -> None:
        """More sound. Cheap while nobody speaks: a copy into the pre-roll."""
        self._odd += len(pcm)
        self.heard_ms += self._odd // BYTES_PER_MS
        self._odd %= BYTES_PER_MS
        if self._utterance is None:
            self._recent += pcm
            keep = (SEALED_MS if self.settling else RECENT_MS) * BYTES_PER_MS
            if len(self._recent) > keep + RECENT_MS * BYTES_PER_MS:
                del self._recent[:-keep]
            return
        self._utterance += pcm
        if self._recognition is not None:
            self._recognition.feed(pcm)

    def begin(self, since: int | None = None) -> None:
        """Open a recognition with the sound from `since` (ms) on; None: from now on. Either with its pre-roll."""
        self.forget()
        pre_roll = PRE_ROLL_MS * BYTES_PER_MS
        back = pre_roll if since is None else (self.heard_ms - since) * BYTES_PER_MS + pre_roll
        kept = bytes(self._recent[-back:])
        # Who speaks from the very first sample on has no quiet in front; recognisers mistake such words.
        self._utterance = bytearray(bytes(min(pre_roll, max(0, back - len(kept)))) + kept)
        self._recent = bytearray()
        self._open()

    def again(self) -> None:
        """The speaker went on after `settle`: recognise the whole utterance, and what follows."""
        self._stop()
        self._open()

    def settle(self, group: asyncio.TaskGroup, number: int) -> None:
        """Ask for the final text of what was heard so far; it arrives by `on_final(number, …)`."""
        recognition, self._recognition = self._recognition, None
        if recognition is None:
            return
        self._finishing = recognition
        self._settling = aio.spawn(group, self._finish(recognition, number), f"settle {number}")

    def seal(self) -> None:
        """The utterance that is being settled is over for good: sound from now on is of the next one."""
        self._utterance = None

    @property
    def settling(self) -> bool:
        """A final text has been asked for and is not here yet."""
        return self._settling is not None

    def forget(self) -> None:
        """Drop the utterance and its recognition; safe in any state."""
        self._stop()
        self._utterance = None

    def _open(self) -> None:
        self._recognition = self._recognizer.listen(self._language, self._on_partial)
        if self._utterance:
            self._recognition.feed(bytes(self._utterance))

    def _stop(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        # Not left to the task: one that is cancelled before it has begun does nothing.
        for recognition in (self._finishing, self._recognition):
            if recognition is not None:
                recognition.cancel()
        self._finishing = self._recognition = None

    async def _finish(self, recognition: Recognition, number: int) -> None:
        try:
            transcript = await recognition.finish()
        except BackendError as error:
            self._settling = self._finishing = None
            self._on_failure(number, error.message)
        except Closed:
            if self._finishing is recognition:
                raise  # by itself; else it was cancelled while it was being finished
        else:
            self._settling = self._finishing = None
            self._on_final(number, transcript)
