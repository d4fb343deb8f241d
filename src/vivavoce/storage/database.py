"""The database: SQLite in WAL mode in the data folder, or PostgreSQL; the same statements on both.

    async with Database.open("sqlite:///…/vivavoce.db") as database:
        async with database.writing() as session:   # one transaction, committed at its end
            session.add(User(…))
        async with database.reading() as session:
            user = await session.get(User, id)

SQLite has one writer at a time: it is asked for when a transaction begins (`BEGIN IMMEDIATE`), so no transaction is
broken off in its middle because another one was quicker. Errors of the driver leave this module as StorageError or
Conflict.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from vivavoce.errors import Conflict, StorageError, StorageFull, StorageUnavailable

Dialect = Literal["sqlite", "postgresql"]

CONNECT_S = 3.0
STATEMENT_S = 5.0
POOL_WAIT_S = 2.0
"""A request waits so long for a free connection."""
READERS = 8
CONNECTIONS = 16
"""Of PostgreSQL."""


class Database:
    """See the head of the module. Made by `open`."""

    def __init__(self, dialect: Dialect, readers: AsyncEngine, writers: AsyncEngine) -> None:
        self.dialect: Dialect = dialect
        self._patient: dict[str, Any] = {"timeout": CONNECT_S} if dialect == "postgresql" else {}
        self.readers = readers
        self.writers = writers
        self._read = async_sessionmaker(readers, expire_on_commit=False, autoflush=False)
        self._write = async_sessionmaker(writers, expire_on_commit=False, autoflush=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Database]:
        """`sqlite:///path`, or `postgresql://user:password@host/name`. Does not migrate (see migrate.py)."""
        database = cls._sqlite(url) if make_url(url).get_backend_name() == "sqlite" else cls._postgresql(url)
        try:
            yield database
        finally:
            await database.readers.dispose()
            if database.writers is not database.readers:
                await database.writers.dispose()

    @classmethod
    def _sqlite(cls, url: str) -> Database:
        where = make_url(url).set(drivername="sqlite+aiosqlite")
        readers = create_async_engine(where, pool_size=READERS, max_overflow=0, pool_timeout=POOL_WAIT_S)
        writers = create_async_engine(where, pool_size=1, max_overflow=0, pool_timeout=STATEMENT_S)
        for engine, begin in ((readers, "BEGIN"), (writers, "BEGIN IMMEDIATE")):
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(engine.sync_engine, "begin", _beginning(begin))
        return cls("sqlite", readers, writers)

    @classmethod
    def _postgresql(cls, url: str) -> Database:
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_recycle=1800,
            # A ping before each use would hang on a dead socket; the driver's own limit ends a statement instead.
            connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S},
        )
        return cls("postgresql", engine, engine)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A consistent view. Raises StorageUnavailable."""
        with translated():
            async with self._read() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction: durable when this is left, undone when it raises. Conflict where a rule forbids it."""
        with translated():
            async with self._write.begin() as session:
                yield session

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """One transaction for changes of the schema, with as much time as it takes, on a connection of its own.

        Foreign keys are checked at its end only: SQLite changes a table by making a new one and dropping the old,
        which would delete what refers to it.
        """
        engine = create_async_engine(self.writers.url, poolclass=NullPool, connect_args=self._patient)
        if self.dialect == "sqlite":
            event.listen(engine.sync_engine, "connect", _prepare_sqlite_schema)
            event.listen(engine.sync_engine, "begin", _beginning("BEGIN IMMEDIATE"))
        with translated():
            async with engine.begin() as connection:
                yield connection
                if self.dialect == "sqlite" and (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first():
                    raise StorageError("the change of the schema would leave rows that refer to nothing")

    async def ping(self) -> None:
        """Raises StorageUnavailable when it does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the driver as ours."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("it is there already, or something it needs is not") from error
    except PoolTimeout as error:
        raise StorageUnavailable("the database has too much to do") from error
    except (OperationalError, InterfaceError) as error:
        raise _refusal(error) from error
    except DBAPIError as error:
        raise (_refusal(error) if error.connection_invalidated else StorageError("the database refused")) from error
    except SQLAlchemyError as error:
        raise StorageError("the database refused") from error
    except (TimeoutError, OSError) as error:  # asyncpg lets these pass as they are
        raise StorageUnavailable("the database does not answer") from error


def _refusal(error: DBAPIError) -> StorageError:
    cause = error.orig
    number = getattr(cause, "sqlite_errorcode", None)
    if number == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", None) == "53100":
        return StorageFull("the disk of the database is full")
    return StorageUnavailable("the database does not answer")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_beginning` says, not at the first write
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_sqlite_schema(connection: Any, record: object) -> None:
    _prepare_sqlite(connection, record)
    connection.cursor().execute("PRAGMA foreign_keys=OFF")


def _beginning(statement: str) -> Any:
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(statement)

    return begin
