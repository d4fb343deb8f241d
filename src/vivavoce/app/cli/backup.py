"""`vivavoce backup` and `vivavoce restore`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from vivavoce.app.settings.values import Data
    from vivavoce.storage.backup import Progress, Report
    from vivavoce.storage.backup_deletions import Deleted
    from vivavoce.storage.backup_restore import Restored
    from vivavoce.storage.blobs import Blobs
    from vivavoce.storage.database import Database

JOURNAL = "deletions.jsonl"


def backup(
    path: Annotated[Path, typer.Argument(help="File to write, or a folder that gets one named by the time.")],
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Write everything that is kept into one file, while the server goes on.

    Sealed words and sounds stay sealed: keep the keys, and keep them elsewhere. Beside the backup, deletions.jsonl
    takes down what was deleted, so that no restore brings it back. Ends with 1 when a recording was damaged.
    """
    import asyncio

    data = read(config, assignments).settings.data
    target = _named(path) if path.is_dir() else path
    report = asyncio.run(_back_up(data, target))
    typer.echo(f"{target}: {report.rows:,} rows, {report.blobs:,} blobs, {report.size / 1e6:,.1f} MB")
    if report.keys:
        typer.echo(
            f"Parts of it are sealed: without the keys {', '.join(report.keys)} (data.keys) nobody can read them."
        )
    if report.damaged:
        names = ", ".join(report.damaged[:5]) + (" …" if len(report.damaged) > 5 else "")
        typer.echo(f"Left out, since they are damaged where they are stored: {names}", err=True)
        raise typer.Exit(1)


def restore(
    path: Annotated[Path, typer.Argument(help="The backup.", metavar="BACKUP")],
    deletions: Annotated[
        list[Path] | None,
        typer.Option(
            help="A journal of what was deleted since: the data folder's deletions.jsonl. One beside the backup is "
            "used in any case.",
            metavar="FILE",
        ),
    ] = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Put a backup back, into a new data folder or database (see data.folder, data.database).

    All of it is checked first. Everybody has to sign in again; tokens and shared links have to be made anew.
    """
    import asyncio

    from vivavoce.storage import backup_deletions

    data = read(config, assignments).settings.data
    beside = path.parent / JOURNAL
    journals = [*([beside] if beside.is_file() else []), *(deletions or [])]
    forgotten = list(
        {(one.kind, one.object, one.at): one for file in journals for one in backup_deletions.read(file)}.values()
    )
    restored = asyncio.run(_restore(data, path, forgotten))
    typer.echo(f"Back from {_moment(restored.made_at)}: {restored.rows:,} rows, {restored.blobs:,} blobs.")
    typer.echo(f"Deletions applied: {restored.deletions:,}" if journals else "No journal of deletions was given.")
    if restored.keys:
        typer.echo(f"Parts of it are sealed with the keys {', '.join(restored.keys)}: data.keys has to name them.")
    typer.echo("Everybody has to sign in again; `vivavoce link NAME` makes a link for whoever has no password.")


async def _back_up(data: Data, target: Path) -> Report:
    from vivavoce.app.where import address, place
    from vivavoce.errors import StorageError
    from vivavoce.storage.backup import back_up
    from vivavoce.storage.backup_deletions import Journal
    from vivavoce.storage.blobs import open_blobs
    from vivavoce.storage.database import Database
    from vivavoce.storage.folder import DataFolder, private, visited
    from vivavoce.storage.migrate import pending

    where = DataFolder(place(data))
    if not data.database and not where.database.exists():
        # Else a slip in the address would make an empty folder, and an empty backup that calms whoever made it.
        raise StorageError(f"there is no database in {where.path}: nothing to back up (see data.folder)")
    with private():
        folder = visited(where.path)
        async with (
            Database.open(address(data, folder)) as database,
            open_blobs(folder.blobs, data.blobs, data.blobs_endpoint) as blobs,
        ):
            with _shown() as progress:
                report = await back_up(database, blobs, target, progress=progress)
            await Journal(database, target.parent / JOURNAL).follow()
            if not await pending(database):  # before an update the old program's backup is made by the new one
                await _audited(data, database, "backup.make", target.name)
    return report


async def _restore(data: Data, path: Path, forgotten: list[Deleted]) -> Restored:
    from vivavoce.storage.backup_restore import restore
    from vivavoce.storage.database_check import prepare

    async with _empty(data) as (database, blobs):
        with _shown() as progress:
            restored = await restore(path, database, blobs, deletions=forgotten, progress=progress)
        await prepare(database)
        await _audited(data, database, "backup.restore", path.name)
    return restored


@asynccontextmanager
async def _empty(data: Data) -> AsyncIterator[tuple[Database, Blobs]]:
    """The stores that are to be filled; no server may be in the folder."""
    from vivavoce.app.where import address, place
    from vivavoce.storage.blobs import open_blobs
    from vivavoce.storage.database import Database
    from vivavoce.storage.folder import entered

    with entered(place(data)) as folder:
        async with (
            Database.open(address(data, folder)) as database,
            open_blobs(folder.blobs, data.blobs, data.blobs_endpoint) as blobs,
        ):
            yield database, blobs


async def _audited(data: Data, database: Database, act: str, name: str) -> None:
    from vivavoce.accounts.actor import SYSTEM
    from vivavoce.accounts.audit import Audit
    from vivavoce.accounts.live import Live
    from vivavoce.storage.bus import open_bus

    async with open_bus(data.redis.reveal() if data.redis else None, database) as bus:
        live = Live(bus)
        async with database.writing() as session:
            await Audit(database, live).record(session, SYSTEM, act, "backup", name)
        await live.flush()


@contextmanager
def _shown() -> Iterator[Progress]:
    """What is being done, in one line of a terminal; nothing where the output goes into a file."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("beginning …") as status:

        def progress(what: str, done: int, of: int) -> None:
            count = f" {done:,} of {of:,}" if of else f" {done:,}" if done else ""
            status.update(f"{what}{count} …")

        yield progress


def _named(folder: Path) -> Path:
    from datetime import UTC, datetime

    return folder / f"vivavoce-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"


def _moment(at: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
