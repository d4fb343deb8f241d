"""A real `vivavoce serve`: its own process, on a free port, with the settings and the data of its own folder.

Whoever talks to it has signed in: commands have a token in VIVAVOCE_TOKEN, browsers come by a link.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import pytest

VIVAVOCE = [sys.executable, "-c", "from vivavoce.app.cli import main; main()"]
"""The command of this checkout, whatever is on the path."""


class Server:
    """What a journey holds of the running process."""

    def __init__(
        self, process: subprocess.Popen[str], url: str, folder: Path, words: tuple[str, ...], told: str
    ) -> None:
        self.process = process
        self.url = url
        self.told = told
        """What it printed until it was ready."""
        self.folder = folder
        self._words = words

    def command(self, *words: str) -> str:
        """What `vivavoce WORDS…` prints, beside the running server and with its settings."""
        command = [*VIVAVOCE, *words, *self._words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    @cached_property
    def token(self) -> str:
        """The administrator's."""
        return self.command("token", "create", "--role", "admin")

    @property
    def bearer(self) -> dict[str, str]:
        """A header that shows the token."""
        return {"Authorization": f"Bearer {self.token}"}

    def link(self, name: str = "admin", at: str | None = None) -> str:
        """An address that signs in once, at this server or at what stands before it."""
        return self.command("link", name, "--at", at or self.url)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def socket(self, path: str) -> str:
        """The address of a WebSocket."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers={"Accept": "*/*", **self.bearer, **headers})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def log(self) -> str:
        """Everything that it, and whatever served in this folder before it, has written to its log."""
        return (self.folder / "log").read_text()


@contextmanager
def serving(folder: Path, *words: str, port: int = 0) -> Iterator[Server]:
    """`vivavoce serve WORDS…` in `folder`, once it is ready; gone at the end, also from a test that failed."""
    words = ("--set", f"data.folder={folder / 'data'}", *words)
    command = [*VIVAVOCE, "serve", "--port", str(port), *words]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    told = ""
    try:
        for line in process.stdout:
            told += line
            if found := re.search(r"Open (https?://\S+)", line):
                yield Server(process, found[1], folder, words, told)
                break
        else:
            pytest.fail(f"the server ended before it was ready:\n{(folder / 'log').read_text()[-2000:]}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
