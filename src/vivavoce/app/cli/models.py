"""`vivavoce models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from vivavoce.app.settings import Settings
    from vivavoce.inference.catalog import Listed
    from vivavoce.inference.ports import Voice

app = typer.Typer(help="The models and services that can be used.", no_args_is_help=True)


@app.callback()
def _models() -> None:
    pass


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """List the back-ends there are, those in use, what the others lack, and the voices."""
    import asyncio
    import json

    import msgspec
    from rich.console import Console
    from rich.table import Table

    loaded = read(config, assignments)
    with Console(stderr=True, quiet=as_json).status("looking around …"):
        listed, in_use, voices = asyncio.run(_look(loaded.settings))
    if as_json:
        backends = [{**msgspec.to_builtins(one), "in_use": one.name == in_use[one.kind]} for one in listed]
        typer.echo(json.dumps({"backends": backends, "voices": msgspec.to_builtins(voices)}, indent=2))
        return
    console = Console(highlight=False)
    table = Table("kind", "back-end", "", "what it is", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for one in listed:
        used = one.name == in_use[one.kind]
        state = "[bold green]in use[/]" if used else f"[dim]{one.missing}[/]" if one.missing else "ready"
        table.add_row(one.kind, one.name, state, one.text)
    console.print(table)
    console.print(f"\n[bold]Voices of {in_use['tts']}[/]")
    for language in dict.fromkeys(voice.language for voice in voices):
        names = ", ".join(voice.id for voice in voices if voice.language == language)
        console.print(f"  {language}  {names}")


async def _look(settings: Settings) -> tuple[list[Listed], dict[str, str], tuple[Voice, ...]]:
    """The list, the name in use for each kind, and the voices of the synthesizer in use (none when it fails)."""
    import asyncio
    from contextlib import aclosing

    from vivavoce.app.build import context
    from vivavoce.errors import VivavoceError
    from vivavoce.inference import catalog

    async with aclosing(await context(settings)) as shared:
        listed = await catalog.entries(shared)
        in_use = {
            kind: str(catalog.resolve(getattr(settings, kind), shared).__struct_config__.tag)
            for kind in ("vad", "asr", "llm", "tts")
        }
        try:
            synthesizer = await asyncio.to_thread(catalog.build_tts, settings.tts, shared)
        except VivavoceError:
            return listed, in_use, ()
        return listed, in_use, synthesizer.capabilities.voices
