"""What a server asks of its database before it listens: that it is sound, and of this program's schema.

    async with Database.open(url) as database:
        await prepare(database)

A damaged file, one on a network file system, and one that has vanished are refused: a new and empty one in its place
would look as if everybody's conversations had never been.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import text

from vivavoce.errors import ConfigError, StorageError, StorageUnavailable
from vivavoce.storage.database import Database
from vivavoce.storage.database_errors import DAMAGED
from vivavoce.storage.folder import network_file_system, write_whole
from vivavoce.storage.migrate import upgrade

CHECK_S: Final = 2.0
"""SQLite's own check reads the whole file. It gets so long; a very large one is then checked only in part."""
OLDEST_POSTGRESQL: Final = 15

_log = logging.getLogger(__name__)

_MADE = "A database was made beside this file. When it is gone, something is wrong: see docs/operating.md.\n"


async def prepare(database: Database) -> None:
    """Check and migrate. Raises ConfigError and StorageError with what to do about it, StorageUnavailable."""
    if database.dialect == "postgresql":
        await _check_postgresql(database)
        await upgrade(database)
        return
    name = database.url.database
    if name in (None, "", ":memory:"):
        await upgrade(database)
        return
    file = Path(name)
    made = file.with_name(f"{file.name}-made")
    await asyncio.to_thread(_check_file, file, made)
    await upgrade(database)
    await asyncio.to_thread(_remember, made)


def _remember(made: Path) -> None:
    if not made.exists():
        write_whole(made, _MADE.encode())


def _check_file(file: Path, made: Path) -> None:
    kind = network_file_system(file.absolute().parent)
    if kind is not None:
        raise ConfigError(
            f"{file} lies on a network file system ({kind}), where SQLite's locks do not hold: put the data folder "
            "on a disk of this machine (data.folder), or use PostgreSQL (data.database)"
        )
    if not file.exists() or file.stat().st_size == 0:
        if made.exists():
            raise StorageError(
                f"the database {file} is gone or empty, and it was not always so. Restore a backup: "
                f"`vivavoce restore BACKUP`. To begin anew with nothing, delete {made}"
            )
        return
    if not _sound(file):
        _log.warning("%s is large: it was checked for %.0f s and not to its end", file, CHECK_S)


def _sound(file: Path) -> bool:
    """False when there was not time enough to say. Raises StorageError when it is damaged."""
    end = time.monotonic() + CHECK_S
    try:
        connection = sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True)
        try:
            connection.set_progress_handler(lambda: time.monotonic() > end, 20_000)
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if number == sqlite3.SQLITE_INTERRUPT:
            return False
        if number in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StorageError(f"{file}: {DAMAGED} ({error})") from error
        raise StorageUnavailable(f"{file} cannot be opened: {error}") from error
    if answer != "ok":
        raise StorageError(f"{file}: {DAMAGED} ({answer})")
    return True


async def _check_postgresql(database: Database) -> None:
    try:
        async with database.reading() as session:
            version = int(await session.scalar(text("SHOW server_version_num")) or 0)
            encoding = await session.scalar(text("SHOW server_encoding"))
            standby = await session.scalar(text("SELECT pg_is_in_recovery()"))
    except StorageError as error:
        reason = _why(error)
        if reason is None:
            raise
        raise ConfigError(f"data.database: {reason}") from error
    if version < OLDEST_POSTGRESQL * 10_000:
        raise ConfigError(
            f"data.database: PostgreSQL {OLDEST_POSTGRESQL} or newer is needed, this is {version // 10_000}"
        )
    if encoding != "UTF8":
        raise ConfigError(f"data.database: the database holds {encoding}; make one with ENCODING 'UTF8'")
    if standby:
        raise ConfigError("data.database: this server is a standby, which nobody can write to; name the primary")


def _why(error: StorageError) -> str | None:
    """What to change where waiting would not help."""
    cause = error.__cause__
    state = getattr(getattr(cause, "orig", cause), "sqlstate", None) or ""
    if state.startswith("28"):
        return "PostgreSQL does not let this user in; see user, password and pg_hba.conf"
    if state == "3D000":
        return "there is no database of that name; make it with `createdb`"
    if "SSL" in str(cause):
        return "the server offers no TLS; where the way to it is safe, add `?sslmode=disable` to the address"
    return None
