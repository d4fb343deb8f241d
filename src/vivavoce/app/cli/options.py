"""Options that several commands share, and settings from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vivavoce.app.settings import Loaded

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file, instead of vivavoce.yaml in this folder.", metavar="FILE"),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Any setting, such as turn.patience=1.5; repeatable.", metavar="KEY=VALUE"),
]


def read(config: Path | None, assignments: list[str] | None, **flags: object) -> Loaded:
    """Settings from everywhere. `flags` are those with names of their own: `server__port=9000` came by `--port`."""
    from vivavoce.app.settings import Flag, load
    from vivavoce.errors import ConfigError

    given = []
    for assignment in assignments or ():
        path, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment}: write it as KEY=VALUE, such as turn.patience=1.5")
        given.append(Flag(path.strip(), text, f"--set {path.strip()}"))
    for name, value in flags.items():
        if value is not None:
            path = name.replace("__", ".")
            given.append(Flag(path, str(value), f"--{path.rpartition('.')[2].replace('_', '-')}"))
    return load(given, os.environ, file=config)
