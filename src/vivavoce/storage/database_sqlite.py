"""SQLite: how its connections are set, and that no statement runs for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from vivavoce.errors import StorageError
from vivavoce.storage.database_sqlite_thread import Connection

READERS: Final = 8
STATEMENT_S: Final = 2.5
BUSY_S: Final = 5.0
"""A writer waits so long for one in another process (a command beside the server), and for one of this process."""
POOL_WAIT_S: Final = 2.0
"""A reader waits so long for a free connection."""
JOB_S: Final = 600.0
"""A statement of a migration or a backup."""


def readers(url: URL, limit_s: float = STATEMENT_S) -> AsyncEngine:
    """Several at once; each sees what was committed when its transaction began to read."""
    pool = {"pool_size": READERS, "max_overflow": 0, "pool_timeout": POOL_WAIT_S}
    return _engine(url, pool, _connector(url, "BEGIN", limit_s, read_only=True, foreign_keys=True))


def writers(url: URL) -> AsyncEngine:
    """One at a time, in the order in which they came."""
    pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": BUSY_S}
    return _engine(url, pool, _connector(url, "BEGIN IMMEDIATE", STATEMENT_S, read_only=False, foreign_keys=True))


def alone(url: URL, *, begin: str, read_only: bool, foreign_keys: bool) -> AsyncEngine:
    """For one long job; one that turns foreign keys off calls `check_foreign_keys` at its end."""
    connect = _connector(url, begin, JOB_S, read_only=read_only, foreign_keys=foreign_keys)
    return _engine(url, {"poolclass": NullPool}, connect)


async def check_foreign_keys(connection: AsyncConnection) -> None:
    """Raises StorageError when a row refers to nothing."""
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise StorageError(f"this would leave rows of `{broken[0]}` that refer to nothing")


def _engine(url: URL, pool: dict[str, Any], connect: Callable[[], Awaitable[Connection]]) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), async_creator=connect, hide_parameters=True, **pool
    )
    event.listen(engine.sync_engine, "invalidate", _thrown_away)
    return engine


def _thrown_away(connection: Any, _record: object, _error: object) -> None:
    connection.driver_connection.abandon()  # its request was cancelled


def _connector(
    url: URL, begin: str, limit_s: float, *, read_only: bool, foreign_keys: bool
) -> Callable[[], Awaitable[Connection]]:
    pragmas = (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was committed stays committed when the power goes
        f"busy_timeout={int(BUSY_S * 1000)}",
        f"foreign_keys={foreign_keys:d}",
        "temp_store=MEMORY",  # no words of people in temporary files
        "secure_delete=ON",  # what is deleted is gone from the file, too
        f"query_only={read_only:d}",
    )

    async def connect() -> Connection:
        connection = Connection(url.database or ":memory:", pragmas, begin, limit_s)
        await connection
        return connection

    return connect
