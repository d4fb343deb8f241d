"""The database: SQLite in WAL mode in the data folder, or PostgreSQL; the same statements on both.

    async with Database.open("sqlite:///…/vivavoce.db") as database:
        async with database.writing() as session:   # one transaction, committed at its end
            session.add(User(…))
        async with database.reading() as session:
            user = await session.get(User, id)

SQLite has one writer at a time: it is asked for when a transaction begins (`BEGIN IMMEDIATE`), so no transaction is
broken off in its middle because another one was quicker. Readers never wait for it, nor it for them. Errors of the
driver leave this module as StorageError or Conflict (database_errors.py).

Each statement has a limit, and so has the wait for a connection. After whatever may have left a connection in an
unknown state (a limit reached, a request cancelled in its middle), that connection is thrown away: the next one to
use it would pay. When the answer to a commit is lost, the transaction may have been committed: what must not happen
twice carries an id of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from vivavoce.errors import ConfigError
from vivavoce.storage import database_postgres, database_sqlite
from vivavoce.storage.database_errors import lost, translated
from vivavoce.storage.database_times import Timed, time_statements

Dialect = Literal["sqlite", "postgresql"]

__all__ = ["Database", "Dialect", "translated"]


class Database:
    """See the head of the module. Made by `open`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.dialect: Dialect
        if self.url.get_backend_name() == "sqlite":
            self.dialect = "sqlite"
            self.readers: AsyncEngine = database_sqlite.readers(self.url)
            self.writers: AsyncEngine = database_sqlite.writers(self.url)
        else:
            self.dialect = "postgresql"
            self._doubt = database_postgres.Doubt()
            self.writers = database_postgres.engine(self.url, self._doubt)
            self.readers = self.writers.execution_options(**database_postgres.SNAPSHOT)
        self._waited: Timed = lambda _what, _seconds: None
        self._read = async_sessionmaker(self.readers, expire_on_commit=False, autoflush=False)
        self._write = async_sessionmaker(self.writers, expire_on_commit=False, autoflush=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Database]:
        """`sqlite:///path`, or `postgresql://user:password@host/name`. Connects when it is used first, and does not
        migrate (see migrate.py). Raises ConfigError for other addresses.
        """
        try:
            known = make_url(url).get_backend_name() in ("sqlite", "postgresql")
        except ArgumentError:
            known = False
        if not known:
            raise ConfigError("the address of a database is `sqlite:///path` or `postgresql://user:password@host/name`")
        database = cls(url)
        try:
            yield database
        finally:
            await database.close()

    def watch(self, statement: Timed, waited: Timed) -> None:
        """Tell of each statement by its kind, and of each wait for a connection, for `reading` or for `writing`."""
        time_statements(self.writers, statement)
        if self.dialect == "sqlite":  # on PostgreSQL both are one engine
            time_statements(self.readers, statement)
        self._waited = waited

    async def close(self) -> None:
        """End all connections; those in use end with their work."""
        with suppress(OSError, TimeoutError):  # a server that is away cannot be told good-bye
            async with asyncio.timeout(5):
                await self.readers.dispose()
                await self.writers.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """One consistent view, of the moment of the first statement; writing in it is refused.

        Raises StorageUnavailable.
        """
        async with self._session(self._read) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction: durable when this is left, undone when it raises.

        Raises Conflict where a rule of the schema forbids it, StorageFull, StorageUnavailable. Do nothing slow
        inside: on SQLite every other writer waits.
        """
        async with self._session(self._write) as session:
            yield session
            await session.commit()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view for a long job (a backup, an export), on a connection of its own: its statements have
        ten minutes each. Raises StorageUnavailable.
        """
        if self.dialect == "sqlite":
            engine = database_sqlite.alone(self.url, begin="BEGIN", read_only=True, foreign_keys=True)
        else:
            engine = database_postgres.alone(self.url).execution_options(**database_postgres.SNAPSHOT)
        with translated():
            async with engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def loading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that writes a great deal (a restore), on a connection of its own: its statements have ten
        minutes each. Raises Conflict, StorageFull, StorageUnavailable.
        """
        if self.dialect == "sqlite":
            engine = database_sqlite.alone(self.url, begin="BEGIN IMMEDIATE", read_only=False, foreign_keys=True)
        else:
            engine = database_postgres.alone(self.url)
        with translated():
            async with engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """As `loading`, for changes of the schema: SQLite checks foreign keys at the end only, since it changes a
        table by making a new one and dropping the old, which would delete what refers to it.
        """
        if self.dialect == "postgresql":
            async with self.loading() as connection:
                yield connection
            return
        engine = database_sqlite.alone(self.url, begin="BEGIN IMMEDIATE", read_only=False, foreign_keys=False)
        with translated():
            async with engine.begin() as connection:
                yield connection
                await database_sqlite.check_foreign_keys(connection)

    async def ping(self) -> None:
        """Raises StorageUnavailable when it does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    @asynccontextmanager
    async def _session(self, make: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
        with translated():
            async with make() as session:
                driver: Any = None
                began = time.perf_counter()
                try:
                    async with asyncio.timeout(database_postgres.ACQUIRE_S if self.dialect == "postgresql" else None):
                        connection = await session.connection()
                    self._waited("reading" if make is self._read else "writing", time.perf_counter() - began)
                    driver = (await connection.get_raw_connection()).driver_connection
                    yield session
                except BaseException as error:
                    # Everything but an ordinary error of the caller or of the database leaves a connection of which
                    # nobody knows what it will answer next.
                    if lost(error):
                        await self._abandon(session, driver, error)
                    raise

    async def _abandon(self, session: AsyncSession, driver: Any, error: BaseException) -> None:
        if self.dialect == "postgresql" and not isinstance(error, asyncio.CancelledError):
            self._doubt.raise_()
            if driver is not None:
                driver.terminate()  # without a word to a server that may not listen
        await session.invalidate()  # asks a server that listens to end the statement
