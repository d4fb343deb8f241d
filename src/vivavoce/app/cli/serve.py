"""`vivavoce serve`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen at; others than this machine's own are encrypted. [127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen at; 0 takes a free one. [8006]")] = None,
    tls: Annotated[bool, typer.Option("--tls/--no-tls", help="Encrypt where it can be reached from elsewhere.")] = True,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Serve: the page to talk in, and the sockets for everything else. Stops with Ctrl-C."""
    loaded = read(config, assignments, server__host=host, server__port=port)
    from vivavoce.app.observe import logs
    from vivavoce.app.server import Terminal, run

    logs.configure(loaded.settings.observe.log_level, loaded.settings.observe.log_format)
    terminal = Terminal(lambda line: print(line, flush=True), sys.stdout.isatty(), _program())
    run(loaded, terminal, plain=not tls)


def _program() -> str:
    """What to type to run this program again."""
    called = Path(sys.argv[0])
    if shutil.which(called.name) or not called.is_file():
        return called.name
    return os.path.relpath(called)
