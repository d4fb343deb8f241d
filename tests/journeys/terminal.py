"""A terminal: what a program shows there, for people who look at it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class Terminal:
    def __init__(self, master: int) -> None:
        self._master = master
        self.shown = ""

    def until(self, pattern: str) -> str:
        """What the pattern's group finds, once it is shown. Raises AssertionError when the program ends before."""
        while not (found := re.search(pattern, self.shown)):
            try:
                self.shown += os.read(self._master, 4096).decode(errors="replace")
            except OSError:  # nobody writes to it any more
                raise AssertionError(f"{pattern} was never shown in: {self.shown}") from None
        return found[1]


@contextmanager
def at_a_terminal(command: Sequence[str], folder: Path) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    """The program as somebody starts it who sits before it; ended at the end, also by a test that failed."""
    master, slave = pty.openpty()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=slave, stdout=slave, stderr=log)
    os.close(slave)
    try:
        yield Terminal(master), process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)
