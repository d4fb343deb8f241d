"""The ear of a cascade view: sound in, borders of speech out, and everything else in the order of the sound.

    feed ─▶ windows ─▶ voice detector (a batch of all sessions) ─▶ segmenter ─▶ on_border
                                                              └──▶ listening      on_window

Sound may come faster than it is scored (a resumed client sends what it kept at once). So nothing runs ahead of
the scores: the recogniser hears a window when it has been scored, and `after` lets a command wait for the
sound that was sent before it. Audio time is that of the scored sound.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from vivavoce import aio
from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.audio.segmenter import Boundary, Segmenter, SegmenterSettings
from vivavoce.conversation.cascade.listening import BYTES_PER_MS, Listening
from vivavoce.inference.batching import VadBatcher, VadStream


class Ear:
    """`on_border` gets each border of speech, `on_window` is called after each window; faults go to `owner`."""

    def __init__(
        self,
        vad: VadBatcher,
        settings: SegmenterSettings,
        listening: Listening,
        *,
        on_border: Callable[[Boundary], None],
        on_window: Callable[[], None],
        owner: asyncio.Future[None],
    ) -> None:
        self._vad = vad
        self._listening = listening
        self._on_border = on_border
        self._on_window = on_window
        self._owner = owner
        self._segmenter = Segmenter(settings, vad.window)
        self._size = vad.window * SAMPLE_BYTES
        self._part = bytearray()
        self._waiting: deque[bytes | Callable[[], None]] = deque()
        """Windows at the voice detector, which bounds them, and what is to happen between them."""
        self._fed = 0
        self._stream: VadStream | None = None

    def open(self) -> None:
        """Not in __init__: a view whose task is cancelled before its first step would never close it."""
        self._stream = self._vad.open(aio.carrying(self._owner, self._scored))

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    @property
    def now(self) -> int:
        """Audio time in ms: how much sound has been scored."""
        return self._segmenter.now

    @property
    def speaking(self) -> bool:
        """In the middle of speech."""
        return self._segmenter.speaking

    def moment(self, at: int) -> float:
        """Loop seconds when the sound at `at` ms came in, as if it came at the pace it is played."""
        return aio.now() - (self._fed / BYTES_PER_MS - at) / 1000

    def feed(self, pcm: bytes) -> None:
        """More sound, any whole number of samples."""
        self._fed += len(pcm)
        part = self._part
        part += pcm
        while len(part) >= self._size:
            self._push(bytes(part[: self._size]))
            del part[: self._size]

    def after(self, call: Callable[[], None]) -> None:
        """`call` once all sound sent so far has been scored; at once when it has."""
        if self._part:
            self._push(bytes(self._part.ljust(self._size, b"\0")))
            self._part.clear()
        if self._waiting:
            self._waiting.append(call)
        else:
            call()

    def cut(self) -> None:
        """Speech is over by decree: what follows begins anew."""
        self._segmenter.finish()

    def _push(self, window: bytes) -> None:
        assert self._stream is not None, "run() has begun"
        self._waiting.append(window)
        self._stream.push(window)

    def _scored(self, score: float) -> None:
        window = self._waiting.popleft()
        assert isinstance(window, bytes)
        self._listening.feed(window)
        for border in self._segmenter.push(score):
            self._on_border(border)
        self._on_window()
        assert self._stream is not None
        self._stream.speaking = self._segmenter.maybe
        while self._waiting and not isinstance(call := self._waiting[0], bytes):
            self._waiting.popleft()
            call()
