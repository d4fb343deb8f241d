"""A connection of SQLite in its own thread, as aiosqlite has it, with fewer ways there and back.

A statement of aiosqlite under SQLAlchemy goes to the thread four times (make a cursor, execute, fetch, close it), and
a transaction twice more. Each way costs two switches of threads, and, where the loop is busy, up to the interpreter's
switch interval of 5 ms. Here a statement is one way, and the BEGIN goes along with the first one.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import aiosqlite

_STEPS: Final = 20_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""


class Connection(aiosqlite.Connection):
    """Set by `pragmas`; `begin` opens a transaction before the first statement that finds none.

    A statement is interrupted after `limit_s`, and when `abandon` was called.
    """

    def __init__(self, path: str, pragmas: Sequence[str], begin: str, limit_s: float) -> None:
        super().__init__(lambda: self._open(path, pragmas), iter_chunk_size=64)
        self._thread.daemon = True
        self._begin = begin
        self._limit_s = limit_s
        self._end = float("inf")
        self._abandoned = False

    def cursor(self) -> Any:
        return Cursor(self)

    def abandon(self) -> None:
        """What still runs in the thread is for nobody."""
        self._abandoned = True

    async def call(self, sql: str, parameters: Any, *, many: bool) -> tuple[sqlite3.Cursor, list[Any]]:
        """One statement, with all that it finds."""
        return await self._execute(self._call, sql, parameters, many)  # type: ignore[no-any-return, no-untyped-call]

    def _call(self, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, list[Any]]:
        if not self._conn.in_transaction:
            self._end = float("inf")  # `busy_timeout` bounds the wait for a writer of another process
            self._conn.execute(self._begin)
        self._end = time.monotonic() + self._limit_s
        cursor = self._conn.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(sql, parameters)
            return cursor, cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()

    def _open(self, path: str, pragmas: Sequence[str]) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.set_progress_handler(lambda: self._abandoned or time.monotonic() > self._end, _STEPS)
        return connection


class Cursor:
    """What SQLAlchemy asks of an asynchronous cursor; only `execute` goes to the thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        await self._run(sql, parameters, many=False)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        await self._run(sql, parameters, many=True)
        return self

    async def fetchall(self) -> list[Any]:
        return await self.fetchmany(len(self._rows))

    async def fetchone(self) -> Any:
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        count = self.arraysize if size is None else size
        rows, self._rows = self._rows[:count], self._rows[count:]
        return rows

    async def close(self) -> None:
        self._rows = []

    async def _run(self, sql: str, parameters: Any, *, many: bool) -> None:
        cursor, self._rows = await self._connection.call(sql, parameters, many=many)
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
