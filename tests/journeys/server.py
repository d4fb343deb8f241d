"""A real `vivavoce serve`: its own process, on a free port, with the settings of its own folder."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VIVAVOCE = [sys.executable, "-c", "from vivavoce.app.cli import main; main()"]
"""The command of this checkout, whatever is on the path."""


class Server:
    """What a journey holds of the running process."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def socket(self, path: str) -> str:
        """The address of a WebSocket."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers={"Accept": "*/*", **headers})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Server]:
    """`vivavoce serve WORDS…` in `folder`, once it is ready; gone at the end, also from a test that failed."""
    command = [*VIVAVOCE, "serve", "--port", "0", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Open (http://\S+)", line):
                yield Server(process, found[1])
                break
        else:
            pytest.fail("the server ended before it was ready")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
