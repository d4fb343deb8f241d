"""Every example is run as its reader would run it, once."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tomllib
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from journeys.server import Server, serving
from vivavoce.app.settings import load
from vivavoce.inference import catalog
from vivavoce.inference.context import Context
from vivavoce.inference.options import OllamaLlm, OpenAITts
from vivavoce.testing import conformance
from vivavoce.testing.openai_server import OpenAIServer

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
VIVAVOCE = [sys.executable, "-c", "from vivavoce.app.cli import main; main()"]
SCRIPTED = ("-s", "vad.backend=scripted", "-s", "asr.backend=scripted", "-s", "llm.backend=none")
TEXTS = 'asr.texts=["how much is twelve times seven"]'


def run(*command: str | Path, folder: Path, env: dict[str, str] | None = None, given: str = "") -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ── clients ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that hears what it is told to, answers with its real skills, and speaks with its real voice."""
    with serving(tmp_path_factory.mktemp("server"), *SCRIPTED, "-s", TEXTS) as server:
        yield server
        assert server.end() == 0


def at(server: Server) -> tuple[str, str]:
    return "--url", server.url.replace("http", "ws")


def shown(server: Server) -> dict[str, str]:
    return {"VIVAVOCE_TOKEN": server.token}


def loudness(file: Path) -> tuple[float, float]:
    """The length in seconds, and the share of it that sounds."""
    with wave.open(str(file)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        return len(samples) / sound.getframerate(), float((np.abs(samples.astype(int)) > 300).mean())


@pytest.mark.journey
def test_the_duplex_client_says_a_file_and_writes_the_answer(server: Server, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "question.wav"), "wb") as question:
        question.setparams((1, 2, 22_050, 0, "NONE", ""))
        question.writeframes((np.sin(np.arange(22_050) / 8) * 9_000).astype("<i2").tobytes())
    told = run(
        sys.executable, EXAMPLES / "duplex_client.py", "question.wav", *at(server), folder=tmp_path, env=shown(server)
    )
    assert told == "you:   how much is twelve times seven\nreply: That is eighty-four. (completed)\n"
    seconds, sounding = loudness(tmp_path / "answer.wav")
    assert 4 < seconds < 9
    assert sounding > 0.05


@pytest.mark.journey
def test_the_turn_client_asks_line_by_line_and_writes_the_answers(server: Server, tmp_path: Path) -> None:
    client = (sys.executable, EXAMPLES / "turn_client.py", *at(server))
    told = run(
        *client, "remember that my keys are in the drawer", "--out", "answers.wav", folder=tmp_path, env=shown(server)
    )
    assert told == "I will remember that your keys are in the drawer.\n"
    seconds, sounding = loudness(tmp_path / "answers.wav")
    assert 1 < seconds < 6
    assert sounding > 0.3
    told = run(*client, "--language", "zh", folder=tmp_path, env=shown(server), given="十二乘以七等于多少\n你好\n")
    assert "84" in told or "八十四" in told
    assert len(told.splitlines()) == 2


# ── the REST API ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.journey
def test_an_app_is_made_changed_and_switched_off(server: Server, tmp_path: Path) -> None:
    told = run(sys.executable, EXAMPLES / "api_apps.py", "--url", server.url, folder=tmp_path, env=shown(server))
    assert told.splitlines() == [
        "kitchen-helper is version 1, and on",
        "version 2 says: You bake.",
        "version 3 says: You help in a kitchen. Be brief.",
        "● assistant: turns, hands_free, camera",
        "○ kitchen-helper: turns, hands_free, camera",
    ]


@pytest.mark.journey
def test_what_was_said_is_found(server: Server, tmp_path: Path) -> None:
    turns = (sys.executable, EXAMPLES / "turn_client.py", *at(server))
    run(*turns, "remember that my bicycle is in the cellar", "--out", "a.wav", folder=tmp_path, env=shown(server))
    history = (sys.executable, EXAMPLES / "api_history.py", "--url", server.url)
    told = run(*history, "bicycle", folder=tmp_path, env=shown(server))
    assert "  you:   remember that my bicycle is in the cellar\n" in told
    assert told.endswith("1 found\n")


@pytest.mark.journey
def test_a_conversation_is_recorded_found_and_downloaded(server: Server, tmp_path: Path) -> None:
    recording = (sys.executable, EXAMPLES / "api_recording.py", "--url", server.url)
    told = run(*recording, "--keep", folder=tmp_path, env=shown(server))
    assert told == "The sound of what admin says and hears is kept from now on.\n"
    turns = (sys.executable, EXAMPLES / "turn_client.py", *at(server))
    run(*turns, "remember that my kettle is on the stove", "--out", "a.wav", folder=tmp_path, env=shown(server))
    told = run(*recording, "kettle", "--out", "kettle.zip", folder=tmp_path, env=shown(server))
    assert "kettle.zip: remember that my kettle is on the stove (1 turns, " in told
    assert "0.0 s of sound" not in told
    with zipfile.ZipFile(tmp_path / "kettle.zip") as kept:
        assert kept.testzip() is None
        assert {"conversation.json", "manifest.json", "sound-1.ogg", "sound-1.vtt"} <= set(kept.namelist())
        assert kept.read("sound-1.ogg").startswith(b"OggS")


# ── settings ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.journey
async def test_a_server_with_openais_api_converses_hears_and_speaks(tmp_path: Path) -> None:
    async with OpenAIServer("The moon is far away.", models=("small",)) as server:
        command = [*VIVAVOCE, "talk", "--json", "--text", "tell me of the moon"]
        process = await asyncio.create_subprocess_exec(
            *(*command, "--config", str(EXAMPLES / "openai-compatible.yaml")),
            cwd=tmp_path,
            env={**os.environ, "MODEL_URL": server.base_url, "CHAT_MODEL": "small"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert "The moon is far away." in out.decode()
        assert {request.path.rpartition("/")[2] for request in server.asked} >= {"completions", "speech"}


async def test_the_files_for_ollama_and_others_are_read() -> None:
    ollama = load((), {"OLLAMA_MODEL": "gemma3:4b"}, file=EXAMPLES / "ollama.yaml").settings
    assert isinstance(ollama.llm, OllamaLlm)
    assert ollama.llm.model == "gemma3:4b"
    other = load((), {"MODEL_URL": "http://127.0.0.1:1/v1"}, file=EXAMPLES / "openai-compatible.yaml").settings
    assert other.openai.base_url == "http://127.0.0.1:1/v1"
    assert isinstance(other.tts, OpenAITts)
    assert other.tts.voices == ("af_heart", "zf_xiaobei")


# ── a package with a back-end ─────────────────────────────────────────────────────────────────────


async def test_the_listener_is_a_back_end_that_keeps_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EXAMPLES / "listener/listener.py", tmp_path)
    project = tomllib.loads((EXAMPLES / "listener/pyproject.toml").read_text())["project"]
    info = tmp_path / "vivavoce_listener-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["vivavoce.backends"]
    (info / "entry_points.txt").write_text(
        "[vivavoce.backends]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    options = load((), {}, file=EXAMPLES / "listener/vivavoce.yaml").settings.llm
    model = catalog.build_llm(options, Context())
    assert model is not None
    assert model.capabilities.name == "a good listener"
    await conformance.check_language_model(lambda: catalog.build_llm(options, Context()) or pytest.fail("no model"))

    from listener import answer  # found only now

    assert answer("I am tired of my phone") == "Why are you tired of your phone?"
    assert answer("it rains") == "Please go on."


# ── a skill ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.journey
def test_the_patch_adds_a_skill_that_is_understood_in_both_languages(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("console", "__pycache__"))
    run("git", "apply", EXAMPLES / "coin-skill.patch", folder=tmp_path, env={"GIT_DIR": str(tmp_path / "none")})
    code = """
from datetime import datetime
from vivavoce.conversation.skills import SkillContext, SkillMemory, Skills
skills = Skills.load()
for language, text in ("en", "please flip a coin"), ("zh", "抛一枚硬币"):
    context = SkillContext(language, datetime(2026, 1, 1, microsecond=1), SkillMemory())
    print(skills.answer(skills.match(text, language), context).text)
print("coin" in skills.grammar("en").jsgf)
"""
    told = run(sys.executable, "-c", code, folder=tmp_path, env={"PYTHONPATH": str(tmp_path / "src")})
    assert told == "It is heads.\n是正面。\nTrue\n"
