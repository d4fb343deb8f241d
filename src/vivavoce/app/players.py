"""Programs of this machine that play a WAV file from standard input."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from vivavoce.audio.containers import wav
from vivavoce.audio.pcm import Pcm
from vivavoce.errors import ConfigError

Command = Sequence[str]

PLAYERS: tuple[Command, ...] = (
    ("pw-play", "-"),
    ("paplay", "--file-format=wav"),
    ("aplay", "--quiet", "-"),
    ("play", "-q", "-t", "wav", "-"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"),
)
"""In order of preference: the sound server's own first."""


def find() -> Command | None:
    """The first that is installed."""
    return next((command for command in PLAYERS if shutil.which(command[0])), None)


def names() -> str:
    return ", ".join(command[0] for command in PLAYERS)


def play(command: Command, sound: Pcm) -> None:
    """Play to the end. Raises ConfigError when the program cannot (no sound card, no server)."""
    done = subprocess.run(command, input=wav(sound), stderr=subprocess.PIPE, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"{command[0]} could not play: {reason[-1] if reason else f'exit {done.returncode}'}")
