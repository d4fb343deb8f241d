"""`vivavoce keys`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read
from vivavoce.errors import ConfigError

if TYPE_CHECKING:
    from vivavoce.app.settings.values import Data
    from vivavoce.storage.sealing import KeyRing
    from vivavoce.storage.sealing.rotation import Use

app = typer.Typer(help="The keys that seal what is stored. The server may be running.", no_args_is_help=True)


@app.command("new")
def new(
    only_print: Annotated[
        bool, typer.Option("--print", help="Print a new key alone, for VIVAVOCE_KEYS, and write nothing.")
    ] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Make the first key, in the file that data.keys names, else in the data folder. Sealing begins when data.keys
    names that file.
    """
    from vivavoce.app.where import place
    from vivavoce.storage.folder import visited
    from vivavoce.storage.sealing import files
    from vivavoce.storage.sealing.ring import Kek

    if only_print:
        typer.echo(Kek.new().text)
        return
    data = read(config, assignments).settings.data
    path = Path(data.keys).expanduser() if data.keys else visited(place(data)).keys / "data.keys"
    key = files.create(path)
    typer.echo(f"{path}: a new key, {key.id}. Keep a copy elsewhere: without it nothing sealed can be read again.")
    if not data.keys:
        typer.echo(f"Sealing begins when the server is started with data.keys: {path}")


@app.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """List the keys that are here or needed, and how many data keys each one wraps; 1 when one is missing."""
    import asyncio
    import json
    from dataclasses import asdict

    from vivavoce.app.cli.local import table

    data = read(config, assignments).settings.data
    ring = _ring(data)
    found = asyncio.run(_uses(data, ring))
    if as_json:
        typer.echo(json.dumps({"keys": [asdict(use) for use in found]}, indent=2))
    else:
        first = ring.first.id if ring is not None else ""
        table(["key", "", "data keys"], [[use.kek, _state(use, first), f"{use.data_keys:,}"] for use in found])
    if any(not use.here for use in found):
        raise typer.Exit(1)


@app.command("rotate")
def rotate(config: Config = None, assignments: Set = None) -> None:
    """Make a new key that seals from now on, and wrap all data keys with it. Broken off, it goes on when run again.

    The old key stays in the file: backups of before need it. `vivavoce keys drop` takes it out.
    """
    import asyncio

    from rich.console import Console

    data = read(config, assignments).settings.data
    ring = _ring(data)
    if ring is None:
        raise ConfigError("there are no keys (data.keys, VIVAVOCE_KEYS); `vivavoce keys new` makes the first one")
    with Console(stderr=True).status("wrapping data keys …") as status:
        first, count = asyncio.run(_rotate(data, ring, lambda done: status.update(f"wrapping data keys … {done:,}")))
    typer.echo(f"{first} seals now; {count:,} data keys were wrapped with it.")


@app.command("drop")
def drop(
    key: Annotated[str, typer.Argument(help="Its id, as `vivavoce keys list` shows it.", metavar="KEY")],
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Take an old key out of the key file, once it wraps nothing any more. Backups of its time still need it."""
    import asyncio

    data = read(config, assignments).settings.data
    path = asyncio.run(_drop(data, _ring(data), key))
    typer.echo(f"{key} is no longer in {path}.")


def _ring(data: Data) -> KeyRing | None:
    from vivavoce.storage.sealing import key_ring

    return key_ring(file=data.keys, value=data.keys_text.reveal() if data.keys_text else None)


async def _uses(data: Data, ring: KeyRing | None) -> list[Use]:
    from vivavoce.app.cli.database import beside
    from vivavoce.storage.sealing.rotation import uses

    async with beside(data) as stores:
        return await uses(stores.database, ring)


async def _rotate(data: Data, ring: KeyRing, progress: Callable[[int], None]) -> tuple[str, int]:
    """The key that seals now, and how many data keys were wrapped with it."""
    from vivavoce.app.cli.database import beside
    from vivavoce.storage.sealing import files
    from vivavoce.storage.sealing.rotation import rewrap, unfinished

    async with beside(data) as stores:
        if not await unfinished(stores.database, ring):
            if ring.file is None:
                raise ConfigError(
                    "the keys are in VIVAVOCE_KEYS: put a new one (`vivavoce keys new --print`) before the others, "
                    "parted by a comma, start the servers with it, and run this again"
                )
            ring = files.add(ring.file)
        return ring.first.id, await rewrap(stores.database, ring, progress)


async def _drop(data: Data, ring: KeyRing | None, key: str) -> Path:
    from vivavoce.app.cli.database import beside
    from vivavoce.storage.sealing import files

    if ring is None or ring.file is None:
        raise ConfigError("there is no key file (data.keys) to take a key out of")
    async with beside(data) as stores:
        await files.drop(stores.database, ring.file, key)
    return ring.file


def _state(use: Use, first: str) -> str:
    if not use.here:
        return "missing"
    if use.kek == first:
        return "seals"
    return "opens" if use.data_keys else "opens old backups only"
