"""`vivavoce say`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read


def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.", metavar="TEXT")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a WAV file instead of playing.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the text. [en]")] = None,
    voice: Annotated[str | None, typer.Option(help="Voice; `vivavoce models list` shows them.")] = None,
    speed: Annotated[float, typer.Option(help="1 is the voice's own speed.", min=0.25, max=4.0)] = 1.0,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Say a text aloud with the synthesizer in use, or into a file."""
    import asyncio
    import sys

    from rich.console import Console

    from vivavoce.app import players
    from vivavoce.app.build import voice_of
    from vivavoce.app.talk.sounds import write
    from vivavoce.errors import ConfigError

    loaded = read(config, assignments, talk__language=language, talk__voice=voice)
    words = (sys.stdin.read() if text == "-" else text).strip()
    if not words:
        raise ConfigError("there is no text to say")
    player = None if out is not None else players.find()
    if out is None and player is None:
        raise ConfigError(f"no program that plays sound is here ({players.names()}); write a file with --out FILE.wav")
    with Console(stderr=True).status("making speech …"):
        speech = asyncio.run(voice_of(loaded.settings, words, speed))
    if out is not None:
        write(out, speech)
        typer.echo(f"{out}: {speech.ms / 1000:.1f} s")
    elif player is not None:
        players.play(player, speech)
