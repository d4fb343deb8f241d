"""`vivavoce talk` with a real server and its real offline back-ends: spoken commands, and how the reply sounds."""

from __future__ import annotations

import json
import os
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.server import VIVAVOCE, Server, serving
from journeys.speech import agreement, recognised
from vivavoce.audio.pcm import Pcm, view

pytestmark = pytest.mark.journey

COMMANDS = ("what time is it", "set the volume to eighty percent", "set a timer for five minutes")


def run(folder: Path, *words: str, token: str = "") -> str:
    shown = {**os.environ, **({"VIVAVOCE_TOKEN": token} if token else {})}
    done = subprocess.run([*VIVAVOCE, *words], cwd=folder, capture_output=True, text=True, timeout=120, env=shown)
    assert done.returncode == 0, done.stderr
    return done.stdout


def reply_side(file: Path) -> Pcm:
    """The right channel."""
    with wave.open(str(file)) as both:
        sides = view(both.readframes(both.getnframes())).reshape(-1, 2)
        return Pcm(sides[:, 1].tobytes(), both.getframerate())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, "--set", "talk.voice=en-us-f") as server:
        yield server
        assert server.end() == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_spoken_command_is_understood_done_and_told(command: str, folder: Path, server: Server) -> None:
    run(folder, "say", command, "--voice", "en-gb-f", "--out", "said.wav")
    told = run(folder, "talk", "said.wav", "--url", server.url, "--json", "--out", "both.wav", token=server.token)
    (turn,) = json.loads(told)["turns"]
    assert turn["said"] == command
    assert turn["reason"] == "completed"
    assert turn["heard"] == turn["reply"]
    assert agreement(recognised(reply_side(folder / "both.wav")), turn["reply"]) >= 0.6
