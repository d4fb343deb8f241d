from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytestmark = pytest.mark.journey

OTHERS = [word for kind in ("vad", "asr", "tts") for word in ("-s", f"{kind}.backend=scripted")]


def talk(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from vivavoce.app.cli import main; main()"
    command = [sys.executable, "-c", code, "talk", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={"HOME": "/nonexistent"}, timeout=60)


@contextmanager
def model() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenAI-compatible model that answers "Fine."; its address, and what it is asked."""
    asked: list[dict[str, Any]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            piece = {"choices": [{"index": 0, "delta": {"content": "Fine."}, "finish_reason": "stop"}]}
            body = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_model_is_told_what_the_settings_say(tmp_path: Path) -> None:
    with model() as (address, asked):
        chosen = ("-s", "llm.backend=openai", "-s", f"llm.base_url={address}", "-s", "llm.model=m")
        prompt = ("-s", "talk.system_prompt=Be a pirate.")
        done = talk("--json", "--text", "tell me about the stars", *OTHERS, *chosen, *prompt, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (turn,) = json.loads(done.stdout)["turns"]
    assert turn["heard"] == "Fine."
    first = asked[0]["messages"][0]
    assert first["role"] == "system"
    assert "Be a pirate." in first["content"]
