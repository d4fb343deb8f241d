"""Reads a WAV file while it arrives, sans-io: streamed speech has to sound before its header could know its length."""

from __future__ import annotations

import struct

from vivavoce.errors import BackendError

MOST_OF_A_HEADER = 64 * 1024
"""Bytes before the sound; some encoders put a list of tags there."""
PCM, EXTENSIBLE = 1, 0xFFFE


class WavReader:
    """Feed it the file; it gives the sound. `rate` is known once the first sound is given.

    Layout: RIFF, size, WAVE, then chunks of name, size and body (Microsoft's RIFF specification). Sizes of a
    streamed file are 0 or 0xFFFFFFFF and are not believed; the sound goes on to the end of what comes.
    """

    def __init__(self) -> None:
        self.rate: int | None = None
        self._header: bytes | None = b""

    def feed(self, piece: bytes) -> bytes:
        """The sound in `piece`, which may end in half a sample. Raises BackendError for anything but 16-bit mono."""
        if self._header is None:
            return piece
        self._header += piece
        start = self._find_sound(self._header)
        if start is None:
            if len(self._header) > MOST_OF_A_HEADER:
                raise BackendError("the WAV file has no sound")
            return b""
        sound, self._header = self._header[start:], None
        return sound

    def _find_sound(self, data: bytes) -> int | None:
        """Where the sound begins, or None while it is not there yet."""
        if len(data) < 12:
            return None
        if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
            raise BackendError("the speech is no WAV file")
        at = 12
        while at + 8 <= len(data):
            name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
            if name == b"data":
                if self.rate is None:
                    raise BackendError("the WAV file does not say what it holds")
                return at + 8
            if name == b"fmt " and at + 8 + 16 <= len(data):
                self._read_format(data, at + 8)
            at += 8 + size + size % 2
        return None

    def _read_format(self, data: bytes, at: int) -> None:
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
        if kind not in (PCM, EXTENSIBLE) or channels != 1 or bits != 16:
            raise BackendError(f"the speech is WAV with {channels} channels of {bits} bits; 16-bit mono is needed")
        self.rate = rate
