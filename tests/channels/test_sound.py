from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.opus import OpusDecoder, OpusEncoder
from vivavoce.audio.pcm import INPUT_RATE, view
from vivavoce.channels.sound import OpusMouth, PcmEar, from_f32, listening, speaking
from vivavoce.errors import BadAudio, BadInput


def tone(samples: int, rate: int) -> bytes:
    wave = 8_000 * np.sin(2 * np.pi * 400 * np.arange(samples) / rate)
    return wave.astype("<i2").tobytes()


class Sent:
    def __init__(self) -> None:
        self.packets: list[tuple[int, int, bytes]] = []

    def __call__(self, reply: int, offset: int, audio: bytes) -> None:
        self.packets.append((reply, offset, audio))

    @property
    def places(self) -> list[tuple[int, int]]:
        return [(reply, offset) for reply, offset, _ in self.packets]


def test_pcm_at_our_rate_passes_untouched() -> None:
    assert listening("pcm16", INPUT_RATE).hear(b"\1\0\2\0") == b"\1\0\2\0"


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_pcm_at_another_rate_keeps_its_length(rate: int) -> None:
    ear = PcmEar(rate)
    heard = b"".join(ear.hear(tone(rate // 50, rate)) for _ in range(100))
    assert 31_000 <= len(view(heard)) <= 32_000


def test_half_a_sample_is_bad_audio_at_any_rate() -> None:
    for rate in (INPUT_RATE, 48_000):
        with pytest.raises(BadAudio):
            PcmEar(rate).hear(b"\0\0\0")


def test_opus_packets_become_16_khz() -> None:
    encoder, ear = OpusEncoder(INPUT_RATE), listening("opus", 48_000)
    packets = encoder.encode(tone(INPUT_RATE, INPUT_RATE))
    heard = view(b"".join(ear.hear(packet) for packet in packets))
    assert 15_500 <= len(heard) <= 16_500
    assert np.abs(heard.astype(int)).max() > 4_000


def test_an_opus_packet_costs_what_it_sounds() -> None:
    ear = listening("opus", 48_000)
    silence_of_120_ms = bytes([0b11111011, 6, 0])  # CELT, six frames of 20 ms
    assert ear.cost(silence_of_120_ms) == 2 * 1_920
    with pytest.raises(BadAudio):
        ear.cost(b"")


@given(st.binary(max_size=60))
def test_any_packet_is_sound_or_bad_audio_and_the_next_one_is_fine(packet: bytes) -> None:
    ear = listening("opus", 48_000)
    good = OpusEncoder(INPUT_RATE).encode(tone(1_600, INPUT_RATE))
    with suppress(BadAudio):
        ear.hear(packet)
    assert len(b"".join(ear.hear(each) for each in good)) > 0


def test_opus_goes_out_in_packets_with_the_offset_of_their_first_sample() -> None:
    sent = Sent()
    mouth = speaking("opus", 24_000, sent)
    mouth.speak(1, 0, tone(720, 24_000))
    mouth.speak(1, 720, tone(720, 24_000))
    assert sent.places == [(1, 0), (1, 480), (1, 960)]
    decoder = OpusDecoder(24_000)
    assert np.abs(view(b"".join(decoder.decode(audio) for _, _, audio in sent.packets)).astype(int)).max() > 4_000


def test_the_rest_of_a_reply_goes_out_when_it_is_complete() -> None:
    sent = Sent()
    mouth = OpusMouth(24_000, sent)
    mouth.speak(1, 0, tone(500, 24_000))
    assert sent.places == [(1, 0)]
    mouth.finish(1)
    assert sent.places == [(1, 0), (1, 480)]
    mouth.finish(1)
    assert sent.places == [(1, 0), (1, 480)]


def test_nothing_of_an_old_reply_goes_out_under_a_new_one() -> None:
    sent = Sent()
    mouth = OpusMouth(24_000, sent)
    mouth.speak(1, 0, tone(500, 24_000))
    mouth.speak(2, 0, tone(460, 24_000))
    assert sent.places == [(1, 0)], "460 samples are no packet, whatever the old reply left"
    mouth.finish(1)
    mouth.speak(2, 460, tone(20, 24_000))
    assert sent.places == [(1, 0), (2, 0)]


def test_a_reply_goes_on_at_another_place_after_a_resume() -> None:
    sent = Sent()
    mouth = OpusMouth(24_000, sent)
    mouth.speak(1, 0, tone(500, 24_000))
    mouth.speak(1, 9_600, tone(480, 24_000))
    assert sent.places == [(1, 0), (1, 9_600)]


def test_a_rate_that_opus_does_not_have_is_named() -> None:
    with pytest.raises(BadInput) as caught:
        speaking("opus", 44_100, Sent())
    assert caught.value.code == "codec_unsupported"


def test_floats_are_clipped_to_full_scale() -> None:
    assert from_f32(struct.pack("<4f", 0.0, 0.5, 1.5, -1.5)) == struct.pack("<4h", 0, 16_383, 32_767, -32_767)


@given(st.binary(max_size=64))
def test_any_floats_become_samples_or_bad_audio(data: bytes) -> None:
    try:
        pcm = from_f32(data)
    except BadAudio:
        return
    assert len(pcm) * 2 == len(data)
