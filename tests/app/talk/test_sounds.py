from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from vivavoce.app.talk.sounds import read_sound, write, write_stereo
from vivavoce.audio.pcm import INPUT_RATE, Pcm, view
from vivavoce.errors import BadAudio, ConfigError


def click(place_ms: int, length_ms: int, rate: int) -> bytes:
    """Silence with 2 ms of sound at that place."""
    sound = np.zeros(rate * length_ms // 1000, "<i2")
    at = rate * place_ms // 1000
    sound[at : at + rate // 500] = 20_000
    return sound.tobytes()


def test_both_sides_lie_on_one_clock(tmp_path: Path) -> None:
    file = tmp_path / "both.wav"
    write_stereo(file, click(700, 1000, INPUT_RATE), click(700, 1200, 24_000), 24_000)
    with wave.open(io.BytesIO(file.read_bytes())) as both:
        assert (both.getnchannels(), both.getframerate(), both.getnframes()) == (2, 24_000, 28_800)
        sides = view(both.readframes(28_800)).reshape(-1, 2)
    left, right = (int(np.flatnonzero(np.abs(sides[:, side]) > 5_000)[0]) for side in (0, 1))
    assert right == 24_000 * 7 // 10
    assert abs(left - right) <= 24


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "mono.wav"
    write(file, Pcm(click(20, 100, INPUT_RATE), INPUT_RATE))
    assert read_sound(file) == click(20, 100, INPUT_RATE)


def test_samples_without_a_header_are_taken_as_16_khz(tmp_path: Path) -> None:
    file = tmp_path / "speech.RAW"
    file.write_bytes(click(20, 100, INPUT_RATE))
    assert read_sound(file) == click(20, 100, INPUT_RATE)


def test_what_is_no_sound_is_told_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "letter.wav"
    file.write_text("Dear Sir or Madam")
    with pytest.raises(BadAudio, match=r"letter\.wav: "):
        read_sound(file)
    with pytest.raises(ConfigError, match="no such file"):
        read_sound(tmp_path / "none.wav")


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both\\.wav: No such file or directory"):
        write(tmp_path / "missing" / "both.wav", Pcm(b"", INPUT_RATE))
