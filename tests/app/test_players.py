from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest

from vivavoce.app import players
from vivavoce.audio.pcm import Pcm
from vivavoce.errors import ConfigError

SOUND = Pcm(b"\x01\x02" * 100, 22_050)


def test_the_sound_is_handed_over_as_a_wav_file(tmp_path: Path) -> None:
    out = tmp_path / "heard.wav"
    players.play(("dd", "status=none", f"of={out}"), SOUND)
    with wave.open(io.BytesIO(out.read_bytes())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22_050, 1, 2)
        assert file.readframes(1000) == SOUND.data


def test_a_player_that_cannot_play_says_why() -> None:
    with pytest.raises(ConfigError, match=r"ls could not play: .*no-such-sound-card"):
        players.play(("ls", "no-such-sound-card"), SOUND)
