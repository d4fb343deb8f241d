"""`vivavoce audit`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from typing import BinaryIO

    from vivavoce.accounts.accounts import Accounts
    from vivavoce.accounts.audit import Filter
    from vivavoce.accounts.audit_check import Verdict
    from vivavoce.accounts.checkpoints import Checkpoint

app = typer.Typer(help="Who did what: looked through, and taken away. The server may be running.", no_args_is_help=True)

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
Since = Annotated[datetime | None, typer.Option("--from", help="From then on, UTC.", formats=FORMATS)]
Until = Annotated[datetime | None, typer.Option("--to", help="Before then, UTC.", formats=FORMATS)]


@app.command("verify")
def verify(
    logged: Annotated[
        list[str] | None,
        typer.Option("--checkpoint", help="A checkpoint that the log holds, to be found again.", metavar="SEQ:MAC"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Look whether every row still follows from the one before; 1 and the first wrong row when not."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from vivavoce.app.cli.local import run

    expected = [_checkpoint(text) for text in logged or ()]

    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("audit", total=None)

        async def work(house: Accounts) -> Verdict:
            return await house.audit_check.run(
                lambda done, last: bar.update(task, completed=done, total=last), expected
            )

        verdict = run(read(config, assignments), work)
    if as_json:
        typer.echo(json.dumps(asdict(verdict)))
    else:
        typer.echo(f"{'whole' if verdict.whole else 'BROKEN'}: {verdict.detail}")
    if not verdict.whole:
        raise typer.Exit(1)


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; without it stdout.", metavar="FILE")] = None,
    who: Annotated[str, typer.Option("--who", help="Only acts of this user.", metavar="NAME")] = "",
    what: Annotated[
        str, typer.Option("--what", help="Only this act, or with a dot all such: user.", metavar="ACT")
    ] = "",
    since: Since = None,
    until: Until = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Write the rows as JSON Lines, the oldest first."""
    import sys

    from vivavoce.accounts.audit import Filter
    from vivavoce.app.cli.local import run

    async def work(house: Accounts) -> None:
        identity = (await house.users.by_name(who)).id if who else ""
        wanted = Filter(identity, what, _ms(since), _ms(until))
        if out is None:
            await _write(house, wanted, sys.stdout.buffer)
        else:
            with out.open("xb") as file:
                await _write(house, wanted, file)

    try:
        run(read(config, assignments), work)
    except OSError as error:
        if out is None:
            raise
        from vivavoce.errors import ConfigError

        there = isinstance(error, FileExistsError)
        raise ConfigError(f"{out}: {'there is such a file already' if there else error.strerror}") from None


async def _write(house: Accounts, wanted: Filter, file: BinaryIO) -> None:
    from dataclasses import asdict

    import msgspec

    seq = 0
    while rows := await house.audit.after(wanted, seq):
        for row in rows:
            file.write(msgspec.json.encode(asdict(row) | {"at": _written(row.at)}) + b"\n")
        seq = rows[-1].seq
    file.flush()


def _checkpoint(text: str) -> Checkpoint:
    from vivavoce.accounts.checkpoints import Checkpoint
    from vivavoce.errors import ConfigError

    seq, _, mac = text.partition(":")
    try:
        return Checkpoint(int(seq), bytes.fromhex(mac))
    except ValueError:
        raise ConfigError(f"--checkpoint {text}: write it as the log does, SEQ:MAC") from None


def _ms(when: datetime | None) -> int | None:
    from datetime import UTC

    return None if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1000)


def _written(ms: int) -> str:
    """RFC 3339 with milliseconds, as the API writes it."""
    from vivavoce.app.cli.local import moment

    return f"{moment(ms)[:-1]}.{ms % 1000:03d}Z"
