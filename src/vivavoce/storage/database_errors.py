"""What the drivers raise, as our errors."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vivavoce.errors import Conflict, StorageError, StorageFull, StorageUnavailable

_FULL: Final = frozenset({"53100"})
"""PostgreSQL: disk_full."""
_AWAY: Final = ("08", "40", "53", "55P03", "57")
"""PostgreSQL, beginnings of codes: connection, rollback (deadlock), resources, lock wait, operator's intervention
(shutting down, starting up, a statement beyond its limit).
"""
_SQLITE_AWAY: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR}
    | {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL}
)
_SQLITE_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

DAMAGED: Final = (
    "the file of the database is damaged; nothing was changed. Keep it aside and restore a backup: "
    "`vivavoce restore BACKUP`"
)


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the driver as ours."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("it is there already, or something it needs is not") from error
    except PoolTimeout as error:
        raise StorageUnavailable("the database has too much to do") from error
    except DBAPIError as error:
        raise _refusal(error) from error
    except InvalidatePoolError as error:
        raise StorageUnavailable("the database does not answer") from error
    except SQLAlchemyError as error:
        raise StorageError("the database refused") from error
    except (TimeoutError, OSError) as error:  # asyncpg lets these pass as they are
        raise StorageUnavailable("the database does not answer") from error


def lost(error: BaseException) -> bool:
    """After this nobody knows the state of the connection on which it happened."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, TimeoutError | OSError)
    return isinstance(error, TimeoutError | OSError | asyncio.CancelledError | GeneratorExit)


def _refusal(error: DBAPIError) -> StorageError:
    number = getattr(error.orig, "sqlite_errorcode", None)
    if number is not None:
        return _sqlite_refusal(number & 0xFF)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _FULL:
        return StorageFull("the disk of the database is full")
    if error.connection_invalidated or not state or state.startswith(_AWAY):
        return StorageUnavailable("the database does not answer")
    return StorageError("the database refused")


def _sqlite_refusal(number: int) -> StorageError:
    if number == sqlite3.SQLITE_FULL:
        return StorageFull("the disk of the database is full")
    if number in _SQLITE_AWAY:
        return StorageUnavailable("the database does not answer")
    if number in _SQLITE_DAMAGED:
        return StorageError(DAMAGED)
    return StorageError("the database refused")
