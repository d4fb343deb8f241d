from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.opus import MAX_PACKET, OpusDecoder, OpusEncoder, duration_ms
from vivavoce.audio.pcm import view
from vivavoce.errors import BadAudio, ConfigError


def tone(rate: int, seconds: float, hertz: float = 440.0) -> bytes:
    time = np.arange(round(rate * seconds)) / rate
    return np.round(8_000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()


def pitch(pcm: bytes, rate: int) -> float:
    samples = view(pcm).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_a_tone_survives_the_way_there_and_back(rate: int) -> None:
    packets = OpusEncoder(rate).encode(tone(rate, 1.0))
    decoder = OpusDecoder(16_000)
    out = b"".join([decoder.decode(packet) for packet in packets] + [decoder.flush()])
    assert len(packets) == 50
    assert len(out) == 2 * 16_000
    assert pitch(out[8_000:], 16_000) == pytest.approx(440, abs=3)
    assert np.abs(view(out[8_000:])).max() == pytest.approx(8_000, rel=0.2)


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_packets_are_as_long_as_asked(frame_ms: int) -> None:
    packets = OpusEncoder(16_000, frame_ms).encode(tone(16_000, 0.24))
    assert [duration_ms(packet) for packet in packets] == [frame_ms] * (240 // frame_ms)


def test_bitrate_and_complexity_are_used() -> None:
    pcm = np.random.default_rng(1).normal(0, 3000, 16_000).astype("<i2").tobytes()
    low, high = (sum(map(len, OpusEncoder(16_000, bitrate=rate).encode(pcm))) for rate in (8_000, 48_000))
    assert low < high / 3
    assert OpusEncoder(16_000, complexity=0).encode(pcm) != OpusEncoder(16_000, complexity=10).encode(pcm)


def test_a_bitrate_of_voice_is_kept() -> None:
    packets = OpusEncoder(24_000).encode(tone(24_000, 2.0))
    assert sum(map(len, packets)) * 8 / 2.0 < 30_000


def test_a_partial_frame_waits_and_flush_fills_it() -> None:
    encoder = OpusEncoder(16_000)
    assert encoder.flush() == []
    assert encoder.encode(bytes(600)) == []
    assert len(encoder.encode(bytes(50))) == 1
    assert len(encoder.flush()) == 1
    assert encoder.flush() == []


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 44_100}, {"frame_ms": 15}, {"bitrate": 100}, {"complexity": 11}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_opus_does_not_know_is_a_config_error(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        OpusEncoder(**{"rate": 16_000, **wrong})


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x03", b"\x03\x00", b"\x1b\x3f", b"\xff" * 50, bytes(MAX_PACKET + 1)],
    ids=["empty", "no count", "no frames", "longer than 120 ms", "broken", "too large"],
)
def test_a_malformed_packet_is_refused_and_the_next_one_decodes(packet: bytes) -> None:
    decoder = OpusDecoder(16_000)
    good = OpusEncoder(16_000).encode(tone(16_000, 0.04))
    decoder.decode(good[0])
    with pytest.raises(BadAudio):
        decoder.decode(packet)
    assert decoder.decode(good[1])


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(BadAudio):
        OpusEncoder(16_000).encode(b"odd")


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_bytes_are_sound_or_bad_audio(packets: list[bytes]) -> None:
    decoder = OpusDecoder(16_000)
    for packet in packets:
        try:
            pcm = decoder.decode(packet)
        except BadAudio:
            continue
        assert len(pcm) <= 2 * 16 * 160
    assert decoder.decode(OpusEncoder(16_000).encode(bytes(640))[0]) is not None


@given(st.lists(st.integers(0, 2_000), max_size=12))
def test_packets_do_not_depend_on_the_pieces(sizes: list[int]) -> None:
    pcm = tone(16_000, sum(sizes) / 16_000)
    encoder, at, packets = OpusEncoder(16_000), 0, []
    for size in sizes:
        packets += encoder.encode(pcm[2 * at : 2 * (at + size)])
        at += size
    assert packets + encoder.flush() == (lambda whole: whole.encode(pcm) + whole.flush())(OpusEncoder(16_000))
