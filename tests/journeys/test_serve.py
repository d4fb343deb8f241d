"""`vivavoce serve` as a process: answers from the first moment, refuses strangers, drains, and talks with `talk`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.server import VIVAVOCE, Server, serving

pytestmark = pytest.mark.journey

SCRIPTED = [
    *("-s", "vad.backend=scripted", "-s", "asr.backend=scripted", "-s", "llm.backend=scripted"),
    *("-s", 'llm.replies=["One two three four five six seven eight nine ten."]'),
    *("-s", "tts.backend=scripted", "-s", "tts.clause_ms=3000"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, *SCRIPTED) as server:
        yield server


def call(server: Server, *words: str) -> subprocess.Popen[str]:
    """`vivavoce talk` with that server."""
    command = [*VIVAVOCE, "talk", "--url", server.url, "--json", *words]
    shown = {**os.environ, "VIVAVOCE_TOKEN": server.token}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shown)


def until_replying(server: Server) -> None:
    """Waits for the first sound out."""
    for _ in range(200):
        sound = re.search(r"^vivavoce_sound_out_seconds_total (\S+)", server.get("/metrics")[1], re.M)
        if sound and float(sound[1]) > 0.3:
            return
        time.sleep(0.05)
    pytest.fail("nobody replied")


def until_draining(server: Server) -> None:
    """Waits until the first signal has been heeded."""
    for _ in range(200):
        if server.get("/health")[0] == 503:
            return
        time.sleep(0.02)
    pytest.fail("the server takes sessions as before")


def test_health_status_and_metrics(server: Server) -> None:
    assert server.get("/health") == (200, '{"status":"ok"}')
    status = json.loads(server.get("/status")[1])
    assert status["backends"] == {"vad": "scripted", "asr": "scripted", "llm": "scripted", "tts": "scripted"}
    assert status["examples"]["en"]
    assert "vivavoce_sessions 0.0" in server.get("/metrics")[1]


def test_foreign_hosts_and_origins_are_refused(server: Server) -> None:
    assert server.get("/", Host="evil.example")[0] == 403
    assert server.get("/status", Origin="http://evil.example")[0] == 403
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert server.get("/ws/duplex/session-1", Origin="http://evil.example", **upgrade, **key)[0] == 403


def test_talk_through_a_running_server(server: Server) -> None:
    talk = call(server, "--text", "tell me a story")
    out, _ = talk.communicate(timeout=60)
    assert talk.returncode == 0
    (turn,) = json.loads(out)["turns"]
    assert turn["said"] == "tell me a story"
    assert turn["heard"] == turn["reply"] == "One two three four five six seven eight nine ten."
    assert turn["metrics"]["heard_ms"] == 3000
    assert server.end(signal.SIGINT) == 0


def test_a_running_reply_is_finished_before_the_end(server: Server) -> None:
    talk = call(server, "--text", "tell me a story", "--stay", "60")
    until_replying(server)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    until_draining(server)
    out, err = talk.communicate(timeout=60)
    (turn,) = json.loads(out)["turns"]
    assert turn["reason"] == "completed"
    assert turn["metrics"]["heard_ms"] == 3000
    assert talk.returncode == 1
    assert "restarts" in err
    assert server.process.wait(10) == 0
    assert 1.0 < time.monotonic() - began < 10


def test_the_drain_has_an_end(tmp_path: Path) -> None:
    with serving(tmp_path, *SCRIPTED, "-s", "server.drain_s=0.5", "-s", "tts.clause_ms=60000") as server:
        talk = call(server, "--text", "tell me a story")
        until_replying(server)
        began = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - began < 8
        out, _ = talk.communicate(timeout=60)
        (turn,) = json.loads(out)["turns"]
        assert turn["reason"] != "completed"


def test_a_second_signal_ends_at_once(server: Server) -> None:
    talk = call(server, "--text", "tell me a story")
    until_replying(server)
    server.process.send_signal(signal.SIGTERM)
    until_draining(server)
    assert server.end() == 128 + signal.SIGTERM
    talk.communicate(timeout=60)
    assert talk.returncode == 1


def test_a_model_that_cannot_be_had_is_told_and_ends_the_process(tmp_path: Path) -> None:
    own = ("-s", f"data.folder={tmp_path / 'data'}")
    command = [*VIVAVOCE, "serve", "--port", "0", *own, *SCRIPTED, "-s", "tts.backend=openai", "-s", "tts.clause_ms=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "tts.clause_ms" in done.stderr
    command = [*VIVAVOCE, "serve", "--port", "0", *own, "-s", "asr.backend=scripted", "-s", "tts.backend=openai"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "tts.base_url" in done.stderr
    assert "Traceback" not in done.stderr
