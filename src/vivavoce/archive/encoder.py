"""The encoder, a child process: spooled records in at stdin, one stereo Ogg Opus and its peaks out at stdout.

    python -m vivavoce.archive.encoder START_SAMPLE     stdin: chunks of records   stdout: parts

Both are framed as `kind u8 · length u32 · bytes`. It is a process of its own so that an hour of sound costs the
conversations nothing: the scheduler gives it what they leave (nice 19), and its memory goes with it.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, Final

import av
import numpy as np
from av.audio.stream import AudioStream

from vivavoce.archive.clock import RATE
from vivavoce.archive.composing import Composer, Tracks
from vivavoce.archive.records import parse
from vivavoce.errors import StorageError

CHUNK: Final = 1
END: Final = 2
"""Of the input: all chunks were there."""
OGG: Final = 3
PEAKS: Final = 4
DONE: Final = 5
"""Of the output, the last one: u64 samples."""

HEAD: Final = struct.Struct("<BI")
BITRATE: Final = 32_000
COMPLEXITY: Final = 2
"""On one core 235 × as fast as it was spoken; 5 takes 1.6 times as long, 0 half as long, the file hardly differs."""
PEAK: Final = RATE // 20
"""Samples of one peak: 50 ms."""
MOST: Final = 8 << 20
"""Bytes of one frame."""


class Encoder:
    """Tracks in, pieces of an Ogg Opus file out."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="ogg")
        stream = self._container.add_stream("libopus", rate=RATE)
        assert isinstance(stream, AudioStream)
        stream.layout = "stereo"
        stream.bit_rate = BITRATE
        stream.options = {"application": "voip", "compression_level": str(COMPLEXITY), "frame_duration": "20"}
        self._stream = stream
        self._samples = 0

    def encode(self, tracks: Tracks) -> bytes:
        """What is ready of the file after these."""
        frame = av.AudioFrame("s16", "stereo", len(tracks))
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._samples, Fraction(1, RATE)
        frame.planes[0].update(np.ascontiguousarray(tracks, "<i2").tobytes())
        self._samples += len(tracks)
        self._container.mux(self._stream.encode(frame))
        return self._written()

    def finish(self) -> bytes:
        """The rest of the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._written()

    def _written(self) -> bytes:
        data = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return data


class Peaks:
    """The loudest sample of each 50 ms of both tracks, as unsigned bytes: what a waveform is drawn from."""

    def __init__(self) -> None:
        self._rest: Tracks = np.zeros((0, 2), np.int16)

    def push(self, tracks: Tracks) -> bytes:
        both = np.concatenate([self._rest, tracks])
        whole = len(both) // PEAK * PEAK
        self._rest = both[whole:]
        return _peaks(both[:whole])

    def flush(self) -> bytes:
        if not len(self._rest):
            return b""
        last = np.zeros((PEAK, 2), np.int16)
        last[: len(self._rest)] = self._rest
        return _peaks(last)


def _peaks(tracks: Tracks) -> bytes:
    loudest = np.abs(tracks.reshape(-1, PEAK, 2).astype(np.int32)).max(axis=1)
    return bytes((loudest * 255 // 32768).astype(np.uint8))


def main(source: BinaryIO, sink: BinaryIO, start: int) -> None:
    """Encode everything in `source`. Raises StorageError when its end is missing."""
    composer, encoder, peaks = Composer(start), Encoder(), Peaks()

    def out(kind: int, data: bytes) -> None:
        if data:
            sink.write(HEAD.pack(kind, len(data)) + data)

    def use(blocks: Iterator[Tracks]) -> None:
        for block in blocks:
            out(OGG, encoder.encode(block))
            out(PEAKS, peaks.push(block))

    for chunk in _chunks(source):
        for record in parse(chunk):
            use(composer.push(record))
    if composer.length:
        use(composer.flush())
        out(OGG, encoder.finish())
        out(PEAKS, peaks.flush())
    out(DONE, struct.pack("<Q", composer.length))
    sink.flush()


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while True:
        head = source.read(HEAD.size)
        if len(head) < HEAD.size:
            raise StorageError("the sound to encode broke off")
        kind, size = HEAD.unpack(head)
        if kind == END:
            return
        data = source.read(size) if size <= MOST else b""
        if len(data) < size or kind != CHUNK:
            raise StorageError("the sound to encode broke off")
        yield data


if __name__ == "__main__":
    os.nice(19)
    try:
        main(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
    except (StorageError, BrokenPipeError):  # who started it knows, or is gone
        os._exit(1)
