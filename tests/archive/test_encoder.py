"""Records in, an Ogg Opus file and its peaks out; also as the process it is."""

from __future__ import annotations

import io
import struct
import subprocess
import sys

import av
import numpy as np
import pytest

from vivavoce.archive import encoder
from vivavoce.archive.clock import RATE
from vivavoce.archive.records import LEFT, RIGHT, Record, sound
from vivavoce.errors import StorageError


def tone(seconds: float, hertz: float, rate: int = RATE) -> bytes:
    wave = 12_000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return bytes(wave.astype("<i2"))


def source(*chunks: bytes | Record, end: bool = True) -> io.BytesIO:
    framed = b"".join(encoder.HEAD.pack(encoder.CHUNK, len(chunk)) + chunk for chunk in map(bytes, chunks))
    return io.BytesIO(framed + (encoder.HEAD.pack(encoder.END, 0) if end else b""))


def parts(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        kind, size = encoder.HEAD.unpack_from(data)
        found[kind] = found.get(kind, b"") + data[encoder.HEAD.size : encoder.HEAD.size + size]
        data = data[encoder.HEAD.size + size :]
    return found


def encoded(*chunks: bytes | Record, start: int = 0) -> dict[int, bytes]:
    sink = io.BytesIO()
    encoder.main(source(*chunks), sink, start)
    return parts(sink.getvalue())


def decoded(ogg: bytes) -> np.ndarray:
    """[2, samples] at 48 kHz."""
    with av.open(io.BytesIO(ogg)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1)


def loudness(track: np.ndarray, start_s: float, stop_s: float) -> float:
    return float(np.sqrt(np.mean(np.square(track[round(start_s * 48_000) : round(stop_s * 48_000)], dtype=float))))


def test_the_user_is_left_and_the_reply_right_each_in_its_place() -> None:
    out = encoded(sound(LEFT, 0, RATE, tone(1, 300)), sound(RIGHT, 2 * RATE, 24_000, tone(1, 500, 24_000)))
    left, right = decoded(out[encoder.OGG])
    assert loudness(left, 0.1, 0.9) > 0.15
    assert loudness(left, 1.1, 3) < 0.01
    assert loudness(right, 0, 1.9) < 0.01
    assert loudness(right, 2.1, 2.9) > 0.15


def test_the_file_is_as_long_as_the_sound() -> None:
    out = encoded(sound(LEFT, 0, RATE, tone(12.345, 300)))
    assert struct.unpack("<Q", out[encoder.DONE]) == (round(12.345 * RATE),)
    assert abs(decoded(out[encoder.OGG]).shape[1] / 48_000 - 12.345) < 0.03


def test_a_recording_begins_where_it_begins() -> None:
    out = encoded(sound(LEFT, 50 * RATE, RATE, tone(1, 300)), start=50 * RATE)
    assert struct.unpack("<Q", out[encoder.DONE]) == (RATE,)


def test_a_pair_of_peaks_for_each_50_ms() -> None:
    out = encoded(sound(LEFT, 0, RATE, tone(1.02, 300)), sound(RIGHT, RATE // 2, 24_000, tone(0.5, 500, 24_000)))
    peaks = np.frombuffer(out[encoder.PEAKS], np.uint8).reshape(-1, 2)
    assert len(peaks) == 21
    assert all(abs(int(peak) - 12_000 * 255 // 32_768) <= 1 for peak in peaks[:20, 0])
    assert set(peaks[:10, 1]) == {0}
    assert min(peaks[11:19, 1]) > 85


def test_of_no_sound_there_is_no_file() -> None:
    assert encoded() == {encoder.DONE: bytes(8)}


def test_a_source_that_breaks_off_is_an_error() -> None:
    whole = sound(LEFT, 0, RATE, tone(1, 300))
    with pytest.raises(StorageError):
        encoder.main(source(whole, end=False), io.BytesIO(), 0)
    with pytest.raises(StorageError):
        encoder.main(source(bytes(whole)[:-5]), io.BytesIO(), 0)


@pytest.mark.real
def test_it_is_a_process_of_its_own_that_gives_the_same() -> None:
    chunk = sound(LEFT, 0, RATE, tone(1, 300))
    command = [sys.executable, "-m", "vivavoce.archive.encoder", "0"]
    result = subprocess.run(command, input=source(chunk).getvalue(), stdout=subprocess.PIPE, check=True, timeout=60)
    found = parts(result.stdout)
    assert found[encoder.PEAKS] == encoded(chunk)[encoder.PEAKS]
    assert abs(decoded(found[encoder.OGG]).shape[1] - 48_000) < 48_000 * 0.03
