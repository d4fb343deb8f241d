"""Spoken commands through a real server with its real offline back-ends; the reply is checked by its sound."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
import soxr

pytestmark = pytest.mark.journey

VIVAVOCE = [sys.executable, "-c", "from vivavoce.app.cli import main; main()"]
COMMANDS = ("what time is it", "set the volume to eighty percent", "set a timer for five minutes")
GRAMMAR = """#JSGF V1.0;
grammar replies;
public <reply> = <time> | <volume> | <timer>;
<time> = it is (<five> | a quarter | <number> minutes | one minute) (to | past) <hour> | it is half past <hour> |
  it is <hour> o'clock;
<five> = five | ten | twenty | twenty five;
<volume> = the volume is <number> percent;
<timer> = a timer for <number> (seconds | minutes | hours) starting now;
<hour> = one | two | three | four | five | six | seven | eight | nine | ten | eleven | twelve;
<number> = <hour> | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen | <tens> [<hour>];
<tens> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;
"""
"""What replies may sound like; the listener must tell one from some two thousand others."""


def run(folder: Path, *words: str) -> str:
    done = subprocess.run([*VIVAVOCE, *words], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    command = [*VIVAVOCE, "serve", "--port", "0", "--set", "talk.voice=en-us-f"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(found[1] for line in process.stdout if (found := re.search(r"Open (http://\S+)", line)))
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(60) == 0


def understood(sound: Path) -> list[str]:
    """The words on the reply's side, by a recogniser that knows nothing of the conversation."""
    with wave.open(str(sound)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        rate = file.getframerate()
    # A little slower and lower than it was said: the recogniser was trained on calmer voices.
    reply = soxr.resample(both[:, 1].astype(np.float32) / 32_768, rate * 0.85, 16_000)
    pcm = (np.pad(reply, 8_000) * 32_767).astype("<i2").tobytes()
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("replies", GRAMMAR)
    decoder.activate_search("replies")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return [] if heard is None else re.sub(r"\(\d\)", "", heard.hypstr).split()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_spoken_command_is_understood_done_and_told(command: str, folder: Path, url: str) -> None:
    run(folder, "say", command, "--out", "said.wav")
    told = run(folder, "talk", "said.wav", "--url", url, "--json", "--out", "both.wav")
    (turn,) = json.loads(told)["turns"]
    assert turn["said"] == command
    assert turn["reason"] == "completed"
    assert turn["heard"] == turn["reply"]
    written = re.findall(r"[a-z']+", turn["reply"].lower().replace("-", " "))
    assert understood(folder / "both.wav") == written
