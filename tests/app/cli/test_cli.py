from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "av", "onnxruntime", "starlette", "uvicorn", "httpx", "rich", "yaml", "msgspec", "PIL", "picows")
SCRIPTED = [word for kind in ("vad", "asr", "llm", "tts") for word in ("-s", f"{kind}.backend=scripted")]


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = "from vivavoce.app.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={"HOME": "/nonexistent"}, timeout=60)


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    listing = run("--help")
    assert listing.returncode == 0
    for command in ("serve", "talk", "say", "doctor", "models"):
        assert f"\n  {command} " in listing.stdout
    code = f"import sys, vivavoce.app.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["serve", "talk", "say", "doctor", "models"])
def test_every_command_explains_itself(command: str) -> None:
    told = run(command, "--help")
    assert told.returncode == 0
    assert "--help" in told.stdout


def test_the_version_is_printed() -> None:
    from vivavoce import __version__

    assert run("--version").stdout.strip() == f"vivavoce {__version__}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve", "--host", "0.0.0.0", "--no-tls"), "server.host = 0.0.0.0 can be reached from other machines"),
        (("serve", "-s", "server.prot=1"), "unknown key `server.prot`; did you mean `server.port`?"),
        (("serve", "-s", "port"), "write it as KEY=VALUE"),
        (("serve", "--port", "99999"), "--port: server.port = '99999': expected `int` <= 65535"),
        (("talk",), "nothing to say"),
        (("talk", "missing.wav"), "missing.wav: there is no such file"),
        (("talk", "--url", "nonsense://x", "--text", "hello"), "begins with http://"),
        (("doctor", "--config", "missing.yaml"), "missing.yaml: there is no such configuration file"),
        (("say", " "), "no text to say"),
    ],
)
def test_what_is_impossible_is_told_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run(*words, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_there_is_a_failure_in_one_line(tmp_path: Path) -> None:
    done = run("talk", "--url", "http://127.0.0.1:9", "--text", "hello", folder=tmp_path)
    assert done.returncode == 1
    assert "no conversation at ws://127.0.0.1:9/" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_prints_one_object(tmp_path: Path) -> None:
    done = run("doctor", "--json", *SCRIPTED, folder=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["settings"]["vad.backend"] == {"value": "scripted", "from": "--set vad.backend"}


def test_doctor_ends_with_1_when_something_in_force_cannot_be_used(tmp_path: Path) -> None:
    done = run("doctor", *SCRIPTED, "-s", "asr.backend=openai", folder=tmp_path)
    assert done.returncode == 1
    assert "openai.base_url" in done.stdout.replace("\n", " ")


def test_models_lists_backends_and_voices(tmp_path: Path) -> None:
    done = run("models", "list", "--json", *SCRIPTED, folder=tmp_path)
    told = json.loads(done.stdout)
    used = {one["kind"]: one["name"] for one in told["backends"] if one["in_use"]}
    assert used == dict.fromkeys(("vad", "asr", "llm", "tts"), "scripted")
    assert {"id": "scripted", "language": "en", "name": ""} in told["voices"]
    assert "scripted-zh" in run("models", "list", *SCRIPTED, folder=tmp_path).stdout


def test_say_writes_a_file(tmp_path: Path) -> None:
    done = run("say", "hello there", "--out", "hello.wav", *SCRIPTED, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hello.wav").read_bytes()[:4] == b"RIFF"
    assert done.stdout == "hello.wav: 0.7 s\n"
