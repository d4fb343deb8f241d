"""The recognizer that policies are put on: an utterance is heard live once, and again from memory when a try fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.policies import Source
from vivavoce.inference.ports import Language, Recognition, Recognizer, RecognizerCapabilities, Transcript
from vivavoce.inference.stopper import Stopper

MOST_SOUND = 120 * INPUT_RATE * SAMPLE_BYTES
"""Bytes of one utterance that are kept, for another try or for an upload: twice its limit of 60 s, so that nothing
is ever missing."""


class UtteranceRecognizer:
    """Listens with the first of `recognizers`; at the end `run` decides which of them is asked, and how often."""

    def __init__(
        self,
        capabilities: RecognizerCapabilities,
        recognizers: Sequence[Recognizer],
        run: Source[RunningUtterance, Transcript],
    ) -> None:
        self.capabilities = capabilities
        self._recognizers = tuple(recognizers)
        self._run = run

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> Recognition:
        return RunningUtterance(self._recognizers, self._run, language, on_partial)


class RunningUtterance:
    """The port's Recognition, and the request that `run` works on."""

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        run: Source[RunningUtterance, Transcript],
        language: Language,
        on_partial: Callable[[str], None] | None,
    ) -> None:
        self._recognizers = recognizers
        self._run = run
        self._language = language
        self._sound = bytearray()
        self._over: str | None = None
        self._stopper = Stopper()
        try:
            self._live: Recognition | None = recognizers[0].listen(language, on_partial)
        except BackendError:
            # The first try begins another one, and its error is heard by the policies.
            self._live = None

    def feed(self, pcm: bytes) -> None:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        self._sound += pcm[: MOST_SOUND - len(self._sound)]
        if self._live is not None:
            self._live.feed(pcm)

    async def finish(self) -> Transcript:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        self._over = "finished"
        try:
            return await self._stopper.run(self._understand())
        finally:
            self._drop()

    def cancel(self) -> None:
        self._over = "cancelled"
        self._drop()
        self._stopper.stop()

    async def attempt(self, index: int) -> AsyncGenerator[Transcript, None]:
        """One try with recognizer `index`. The first try of all is that of the first one, which has heard it live."""
        live, self._live = self._live, None
        if live is None:
            live = self._recognizers[index].listen(self._language)
            live.feed(bytes(self._sound))
        try:
            yield await live.finish()
        finally:
            live.cancel()

    async def _understand(self) -> Transcript:
        # Read to its end, not only to its one item: a source that is closed early counts as stopped, not as done.
        async with aclosing(self._run(self)) as transcripts:
            heard = [transcript async for transcript in transcripts]
        return heard[-1]

    def _drop(self) -> None:
        if self._live is not None:
            self._live.cancel()
            self._live = None
        self._sound = bytearray()
