"""The servers under test: how each is started, where it listens, and what speaks to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.voice import workload

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "peers"
READY_S = 60.0
STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """`command` serves at $PORT of 127.0.0.1; `path` is where its WebSocket is."""

    name: str
    command: tuple[str, ...]
    path: str = "/ws"
    raw: bool = True
    env: Mapping[str, str] = field(default_factory=dict)


def vivavoce(config: Path, port: int, folder: Path) -> Server:
    """With its data in `folder`."""
    command = (str(Path(sys.executable).with_name("vivavoce")), "serve", "--config", str(config), "--port", str(port))
    return Server("vivavoce", (*command, "--set", f"data.folder={folder}"), "/ws/duplex/{sid}", raw=False)


def people(folder: Path, number: int) -> Path:
    """A file with the tokens of so many people with accounts in that data folder."""
    command = (sys.executable, "-m", "benchmarks.voice.people", str(folder), str(number))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    file = folder.with_suffix(".tokens")
    file.write_text(done.stdout)
    return file


def floor() -> Server:
    return Server("floor", (sys.executable, "-m", "benchmarks.voice.floor"))


def peer(name: str) -> Server:
    """Pipecat or LiveKit Agents; made once in an environment of its own (some minutes and 1 GB)."""
    return Server(name, (str(_environment(name)), "-m", f"benchmarks.voice.peers.{name}_server"))


def _environment(name: str) -> Path:
    python = CACHE / name / "bin" / "python"
    done = CACHE / name / "complete"
    if not done.exists():
        print(f"Setting up {name} (once) …", file=sys.stderr, flush=True)
        requirements = Path(__file__).parent / "peers" / f"{name}.txt"
        subprocess.run([_uv(), "venv", "-q", "--allow-existing", str(CACHE / name)], check=True)
        subprocess.run([_uv(), "pip", "install", "-q", "--python", str(python), "-r", str(requirements)], check=True)
        done.touch()
    return python


def _uv() -> str:
    """uv as `script/setup` left it, or the machine's own."""
    own = ROOT / ".cache" / "uv" / "bin" / "uv"
    return str(own) if own.exists() else "uv"


def scripted_config(path: Path) -> Path:
    """Settings of a Vivavoce that plays the workload with its real engine, VAD and sockets."""
    path.write_text(
        f"""
vad: {{backend: silero}}
asr: {{backend: scripted, texts: ["{workload.USER_TEXT}"], delay_ms: {workload.STT_DELAY * 1000:.0f}}}
llm: {{backend: scripted, replies: ["{workload.REPLY}"],
      first_token_ms: {workload.LLM_FIRST * 1000:.0f}, per_token_ms: {workload.LLM_STEP * 1000:.0f}}}
tts: {{backend: scripted, rate: {workload.RATE}, first_frame_ms: {workload.TTS_FIRST * 1000:.0f},
      speed: {workload.TTS_SPEED}, clause_ms: {workload.SENTENCE_S * 1000:.0f}}}
limits: {{slots: 2000, connections: 4000}}
rates: {{conversation: 100000, conversations_at_once: 2000, strangers: 2000}}
{for_guests(path.parent)}
"""
    )
    return path


def for_guests(folder: Path) -> str:
    """Settings under which anybody of this machine may talk, whose data lie in `folder`."""
    return f"accounts: {{guests: true}}\ndata: {{folder: {json.dumps(str(folder / 'data'))}}}\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(server: Server, port: int, core: int | None, log: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The server on one core (None: on all), ready for connections; stopped, by force if it must be, afterwards."""
    env = {**os.environ, "PORT": str(port), "OMP_NUM_THREADS": "1", "OTEL_SDK_DISABLED": "true", **server.env}
    process = subprocess.Popen(_pinned(core, server.command), env=env, cwd=ROOT, stdout=log, stderr=log)
    try:
        _wait(process, port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended by itself with {process.returncode}; see its log")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(2.0)  # models are loaded behind the open port
            return
    raise RuntimeError(f"the server did not listen within {READY_S:.0f} s")


def _pinned(core: int | None, command: tuple[str, ...]) -> list[str]:
    """On one core where the system lets us say so; the load client gets another one."""
    pin = sys.platform == "linux" and core is not None
    return ["taskset", "-c", str(core), *command] if pin else list(command)


def load(server: Server, process: int, port: int, people: int, core: int, options: tuple[str, ...]) -> str:
    """Run the load client on its own core; its figures as JSON."""
    command = (sys.executable, "-m", "benchmarks.voice.load", "--url", f"ws://127.0.0.1:{port}{server.path}")
    command += ("--people", str(people), "--server", str(process), *(("--raw",) if server.raw else ()), *options)
    done = subprocess.run(_pinned(core, command), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(f"the load client failed: {done.stderr[-2000:]}")
    return done.stdout
