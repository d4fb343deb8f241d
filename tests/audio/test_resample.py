from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio.pcm import Pcm, view
from vivavoce.audio.resample import StreamResampler, resample, scaled
from vivavoce.errors import BadAudio

rates = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> Pcm:
    time = np.arange(round(rate * seconds)) / rate
    return Pcm(np.round(10_000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes(), rate)


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (22_050, 24_000), (16_000, 48_000)])
def test_a_tone_stays_the_same_tone(source: int, target: int) -> None:
    out = resample(tone(source), target)
    assert out.rate == target
    middle = slice(target // 10, -target // 10)
    error = out.samples[middle].astype(float) - tone(target).samples[middle]
    assert np.abs(error).max() < 10


def test_the_same_rate_changes_nothing() -> None:
    pcm = tone(16_000)
    assert resample(pcm, 16_000) is pcm
    stream = StreamResampler(16_000, 16_000)
    assert stream.push(pcm.data) + stream.flush() == pcm.data


def test_silence_stays_silence() -> None:
    assert not any(resample(Pcm(bytes(20_000), 48_000), 16_000).data)


def test_full_scale_does_not_wrap_around() -> None:
    square = np.where(np.arange(22_050) // 50 % 2, 32767, -32768).astype("<i2")
    out = resample(Pcm(square.tobytes(), 22_050), 24_000).samples.astype(int)
    expected = np.where(np.arange(24_000) * 22_050 // 24_000 // 50 % 2, 1, -1)
    assert np.mean(np.sign(out) == expected) > 0.95


def test_flush_makes_the_stream_new() -> None:
    stream = StreamResampler(22_050, 16_000)
    pcm = tone(22_050, 0.3).data
    first = stream.push(pcm) + stream.flush()
    assert stream.flush() == b""
    assert stream.push(pcm) + stream.flush() == first


def test_a_live_stream_lags_little() -> None:
    stream = StreamResampler(48_000, 16_000, live=True)
    frame = bytes(1920)
    given = sum(len(stream.push(frame)) for _ in range(50))
    assert 32_000 - given <= 2 * 16 * 10


def test_nonsense_is_refused() -> None:
    with pytest.raises(BadAudio):
        StreamResampler(0, 16_000)
    with pytest.raises(BadAudio):
        StreamResampler(16_000, 1_000_000)
    with pytest.raises(BadAudio):
        StreamResampler(48_000, 16_000).push(b"odd")


@given(st.lists(st.integers(0, 3_000), max_size=30), rates, rates, st.booleans())
def test_the_length_is_exact_in_whatever_pieces_it_comes(
    sizes: list[int], source: int, target: int, live: bool
) -> None:
    stream = StreamResampler(source, target, live=live)
    out = b"".join([stream.push(bytes(2 * size)) for size in sizes] + [stream.flush()])
    assert len(out) == 2 * scaled(sum(sizes), source, target)


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=10))
def test_the_pieces_do_not_change_the_sound(sizes: list[int]) -> None:
    pcm = tone(22_050, sum(sizes) / 22_050)
    stream, at, out = StreamResampler(22_050, 24_000), 0, b""
    for size in sizes:
        out += stream.push(pcm.data[2 * at : 2 * (at + size)])
        at += size
    out += stream.push(pcm.data[2 * at :]) + stream.flush()
    assert np.abs(view(out).astype(int) - resample(pcm, 24_000).samples).max() <= 1


@settings(max_examples=4)
@given(rates, rates, st.integers(0, 2**32 - 1))
def test_an_hour_of_odd_pieces_does_not_drift(source: int, target: int, seed: int) -> None:
    stream = StreamResampler(source, target)
    random = np.random.default_rng(seed)
    blank = bytes(2 * 60 * source)
    taken = given = 0
    while taken < 3600 * source:
        size = int(random.integers(1, 30 * source))
        given += len(stream.push(memoryview(blank)[: 2 * size])) // 2
        taken += size
    assert abs(scaled(taken, source, target) - given) < target / 4  # the filter, not the hour
    assert given + len(stream.flush()) // 2 == scaled(taken, source, target)
