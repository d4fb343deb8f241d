"""`vivavoce serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen at; loopback only for now.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen at; 0 takes a free one. [8006]")] = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Serve: the page to talk in, and the sockets for everything else. Stops with Ctrl-C."""
    loaded = read(config, assignments, server__host=host, server__port=port)
    from vivavoce.app.observe import logs
    from vivavoce.app.server import run

    logs.configure(loaded.settings.observe.log_level, loaded.settings.observe.log_format)
    run(loaded.settings, lambda line: print(line, flush=True))
