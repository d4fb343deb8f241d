"""SQLite: how its connections are set, and that no statement runs for ever."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from vivavoce.errors import StorageError

READERS: Final = 8
STATEMENT_S: Final = 2.5
BUSY_S: Final = 5.0
"""A writer waits so long for one in another process (a command beside the server), and for one of this process."""
POOL_WAIT_S: Final = 2.0
"""A reader waits so long for a free connection."""
JOB_S: Final = 600.0
"""A statement of a migration or a backup."""
_STEPS: Final = 20_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""


def readers(url: URL, limit_s: float = STATEMENT_S) -> AsyncEngine:
    """Several at once; each sees what was committed when its transaction began to read."""
    engine = create_async_engine(
        _driver(url), pool_size=READERS, max_overflow=0, pool_timeout=POOL_WAIT_S, hide_parameters=True
    )
    return _set(engine, "BEGIN", read_only=True, limit_s=limit_s)


def writers(url: URL) -> AsyncEngine:
    """One at a time, in the order in which they came."""
    engine = create_async_engine(_driver(url), pool_size=1, max_overflow=0, pool_timeout=BUSY_S, hide_parameters=True)
    return _set(engine, "BEGIN IMMEDIATE", read_only=False, limit_s=STATEMENT_S)


def alone(url: URL, *, begin: str, read_only: bool, foreign_keys: bool) -> AsyncEngine:
    """For one long job; one that turns foreign keys off calls `check_foreign_keys` at its end."""
    engine = create_async_engine(_driver(url), poolclass=NullPool, hide_parameters=True)
    return _set(engine, begin, read_only=read_only, limit_s=JOB_S, foreign_keys=foreign_keys)


async def check_foreign_keys(connection: AsyncConnection) -> None:
    """Raises StorageError when a row refers to nothing."""
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise StorageError(f"this would leave rows of `{broken[0]}` that refer to nothing")


def _driver(url: URL) -> URL:
    return url.set(drivername="sqlite+aiosqlite")


def _set(engine: AsyncEngine, begin: str, *, read_only: bool, limit_s: float, foreign_keys: bool = True) -> AsyncEngine:
    pragmas = [
        "journal_mode=WAL",
        "synchronous=FULL",  # what was committed stays committed when the power goes
        f"busy_timeout={int(BUSY_S * 1000)}",
        f"foreign_keys={foreign_keys:d}",
        "temp_store=MEMORY",  # no words of people in temporary files
        "secure_delete=ON",  # what is deleted is gone from the file, too
        f"query_only={read_only:d}",
    ]

    def connected(connection: Any, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where `begun` says, not at the first write
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        limit = record.info["limit"] = _Limit(limit_s)
        connection.run_async(lambda driver: driver.set_progress_handler(limit.reached, _STEPS))

    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    def before(connection: Any, *_: object) -> None:
        limit = connection.connection.info.get("limit")
        if limit is not None:  # SQLAlchemy has a look around before `connected` is called for the first time
            limit.restart()

    def thrown_away(_connection: Any, record: ConnectionPoolEntry, _error: object) -> None:
        record.info["limit"].end()  # its request was cancelled: what still runs in the thread is for nobody

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "invalidate", thrown_away)
    event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "before_cursor_execute", before)
    return engine


class _Limit:
    """The time of one statement. Asked in the connection's thread, restarted in the loop's."""

    __slots__ = ("_end", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def restart(self) -> None:
        self._end = time.monotonic() + self._seconds

    def end(self) -> None:
        self._end = 0.0

    def reached(self) -> bool:
        """True interrupts the statement."""
        return time.monotonic() > self._end
