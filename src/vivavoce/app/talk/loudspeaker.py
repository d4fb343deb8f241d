"""A loudspeaker on a sample clock: plays what a client must play, and knows to the sample what was heard."""

from __future__ import annotations

import numpy as np

from vivavoce.audio.pcm import SAMPLE_BYTES, ms, view
from vivavoce.wire.base import AudioFrame


class Loudspeaker:
    """Obeys duck, hold, release and flush. `play` takes the time forward; nothing else does."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.reply = 0
        """The newest reply that sound has come of."""
        self.played = 0
        """Samples of it that were played."""
        self.gaps = 0
        """Times that a reply in the middle of its sound had none to play."""
        self._sound = bytearray()
        self._ended = True
        self._flushed = 0
        self._gain = 1.0
        self._held = False
        self._dry = False

    @property
    def played_ms(self) -> float:
        return ms(self.played, self.rate)

    @property
    def sounding(self) -> bool:
        """Whether there is sound to come out."""
        return bool(self._sound) and not self._held

    @property
    def held(self) -> bool:
        return self._held

    @property
    def ducked(self) -> bool:
        return self._gain < 1.0

    def take(self, frame: AudioFrame) -> None:
        """Sound of a reply. What belongs to a flushed one is dropped."""
        if frame.reply <= self._flushed or frame.reply < self.reply:
            return
        if frame.reply > self.reply:
            self.reply, self.played, self._sound = frame.reply, 0, bytearray()
            self._gain, self._held, self._ended, self._dry = 1.0, False, False, False
        # After a resume the server repeats from where it was heard last; what is here already stays.
        have = self.played + len(self._sound) // SAMPLE_BYTES
        self._sound += frame.audio[max(0, have - frame.offset) * SAMPLE_BYTES :]

    def end(self, reply: int) -> None:
        """No more sound of that reply will come, so its silence is no gap."""
        if reply >= self.reply:
            self._ended = True

    def duck(self, reply: int, gain: float) -> None:
        if reply == self.reply:
            self._gain = gain

    def hold(self, reply: int) -> None:
        if reply == self.reply:
            self._held = True

    def release(self, reply: int) -> None:
        if reply == self.reply:
            self._held, self._gain = False, 1.0

    def flush(self, reply: int) -> None:
        """Nothing of that reply or an older one is played any more."""
        self._flushed = max(self._flushed, reply)
        if reply >= self.reply:
            self._sound.clear()
            self._held, self._gain, self._ended = False, 1.0, True

    def play(self, count: int) -> bytes:
        """The next `count` samples that come out: the reply at its gain, silence where there is none."""
        if self._held or not self._sound:
            if not self._held and not self._ended and self.played and not self._dry:
                self.gaps += 1
                self._dry = True
            return bytes(count * SAMPLE_BYTES)
        self._dry = False
        out = bytes(self._sound[: count * SAMPLE_BYTES])
        del self._sound[: len(out)]
        self.played += len(out) // SAMPLE_BYTES
        if self._gain < 1.0:
            out = (view(out) * np.float32(self._gain)).astype("<i2").tobytes()
        return out.ljust(count * SAMPLE_BYTES, b"\0")
