"""`vivavoce doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from rich.console import Console

    from vivavoce.app.doctor import Report, Setting
    from vivavoce.app.settings import Loaded


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    security: Annotated[
        bool, typer.Option("--security", help="Look whether this installation is closed as it should be.")
    ] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Tell what is in force and from where, what is in use, and what is missing.

    Ends with 1 when something in force cannot be used, with --security when something is not as it should be.
    """
    import asyncio
    import json

    from rich.console import Console

    from vivavoce.app.doctor import examine

    loaded = read(config, assignments)
    if security:
        _tell_security(loaded, as_json=as_json)
        return
    with Console(stderr=True, quiet=as_json).status("loading what is in force …"):
        report = asyncio.run(examine(loaded))
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        _show(Console(highlight=False), report)
    if not report.well:
        raise typer.Exit(1)


def _tell_security(loaded: Loaded, *, as_json: bool) -> None:
    import asyncio
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vivavoce.app.security import look

    rows = asyncio.run(look(loaded))
    well = all(row.well for row in rows)
    if as_json:
        typer.echo(json.dumps({"well": well, "checks": [asdict(row) for row in rows]}, ensure_ascii=False, indent=2))
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for row in rows:
            state = Text("ok", "green") if row.well else Text("no", "bold red")
            told = Text(row.detail)
            if row.remedy:
                told.append(f"\n{row.remedy}", "dim")
            table.add_row(state, row.name, told)
        Console(highlight=False).print(table)
    if not well:
        raise typer.Exit(1)


def _show(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    from vivavoce.app.doctor import KINDS

    console.print(f"[bold]Vivavoce {report.version}[/] · Python {report.python} · {report.system}")
    console.print(f"Configuration file: {report.file or 'none'}\n")

    settings = Table("setting", "value", "from", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for one in report.settings:
        style = "dim" if one.origin == "default" else ""
        settings.add_row(one.path, Text(_value(one), overflow="ellipsis", no_wrap=True), one.origin, style=style)
    console.print(settings)

    console.print("\n[bold]In use[/]")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for used in report.in_use:
        state = Text("no", "bold red") if used.problem else Text("ok", "green")
        table.add_row(state, KINDS[used.kind], f"{used.kind}.backend = {used.name}", used.problem or used.detail)
    console.print(table)

    if report.advice:
        console.print("\n[bold]Not here[/]")
        for advice in report.advice:
            console.print(f"  [bold]{advice.missing}[/] would add {advice.adds}\n      [dim]{advice.how}[/]")


def _value(one: Setting) -> str:
    value = one.value
    if value is None or value == ():
        return "–"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
