"""From the schema that is there to the one this program needs, and back.

    async with Database.open(url) as database:
        await upgrade(database)

All steps of one call are one transaction on both databases: a program that dies in its middle leaves the schema as it
was. On PostgreSQL whoever comes second waits for the first under an advisory lock, and then finds nothing left to do;
a SQLite file belongs to one process, which holds the lock of its folder (folder.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from vivavoce.errors import StorageError
from vivavoce.storage.database import Database

LATEST = "head"
EMPTY = "base"
"""The name of the revision before the first one."""

_LOCK = 0x7669_7661_766F_6365
"""Ours among the advisory locks of a PostgreSQL database: «vivavoce» in ASCII."""


async def upgrade(database: Database, revision: str = LATEST) -> None:
    """Bring the schema up to `revision`. Raises StorageError when it is of a newer program than this one."""
    await _locked(database, lambda connection: _step(command.upgrade, connection, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Go back to `revision`; what later ones have added is lost. `EMPTY` takes everything away."""
    await _locked(database, lambda connection: _step(command.downgrade, connection, revision))


async def current(database: Database) -> str | None:
    """The revision of the schema that is there; None where there is none."""
    async with database.reading() as session:
        return await (await session.connection()).run_sync(_current)


async def pending(database: Database) -> list[str]:
    """The revisions that `upgrade` would run, in their order. Raises StorageError as it does."""
    there = await current(database)
    _recognise(there)
    path = _scripts().iterate_revisions(LATEST, there or EMPTY)
    return [script.revision for script in path][::-1]


def latest() -> str:
    """The revision that this program needs."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def known(revision: str) -> bool:
    """This program has a schema of that name."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


async def _locked(database: Database, work: Callable[[Connection], None]) -> None:
    async with database.migrating() as connection:
        if database.dialect == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _recognise(await connection.run_sync(_current))
        await connection.run_sync(work)


def _step(act: Callable[[Config, str], Any], connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    act(config, revision)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _recognise(revision: str | None) -> None:
    if revision is not None and not known(revision):
        raise StorageError(
            f"the database has the schema {revision}, this program knows schemas up to {latest()}: it was used by a "
            "newer Vivavoce. Start that version again, or restore a backup made before it (`vivavoce restore`)."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "vivavoce.storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
