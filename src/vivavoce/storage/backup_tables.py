"""Rows on their way into a backup and out of it: which tables are carried, and how a value is written in JSON.

Tables are taken as they are in the database, not from the models: a backup of an older schema is put back into that
schema, and migrated then.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import JSON, Column, Connection, Integer, LargeBinary, MetaData, Table, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from vivavoce.errors import StorageError
from vivavoce.storage.models import Base

STAY: Final = frozenset(
    {"sign_ins", "one_time_secrets", "sessions", "idempotent_answers", "leases", "turn_index", "search_state"}
)
"""Tables that a backup has not: who is signed in, what answers the last day's requests, and what is made anew."""
PART: Final = 4 << 20
"""Bytes of rows after which a part is full, unpacked."""
BATCH: Final = 500
"""Rows that are read, or written, at once."""


def carried(connection: Connection) -> list[Table]:
    """The tables of a backup as they are here, those first to which others refer."""
    schema = MetaData()
    schema.reflect(connection, only=lambda name, _: name in Base.metadata.tables and name not in STAY)
    for table in schema.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON):  # SQL's NULL, not JSON's, is what no value means here
                column.type = JSONB(none_as_null=True) if isinstance(column.type, JSONB) else JSON(none_as_null=True)
    return schema.sorted_tables


async def rows(connection: AsyncConnection, table: Table) -> AsyncIterator[list[Any]]:
    """All rows in the order of their keys, in statements that are short however long the table is."""
    keys = list(table.primary_key.columns)
    places = [list(table.columns).index(key) for key in keys]
    after: list[Any] | None = None
    while True:
        query = select(table).order_by(*keys).limit(BATCH)
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        batch = (await connection.execute(query)).all()
        for row in batch:
            yield list(row)
        if len(batch) < BATCH:
            return
        after = [batch[-1][place] for place in places]


class Parts:
    """Rows of one table as lines, in parts of bounded size."""

    def __init__(self, table: Table) -> None:
        self._header = msgspec.json.encode([str(column.name) for column in table.columns])
        self._binary = [isinstance(column.type, LargeBinary) for column in table.columns]
        self._lines = [self._header]
        self._size = 0

    def add(self, row: list[Any]) -> list[bytes] | None:
        """The lines of a part when this row fills it."""
        for place, binary in enumerate(self._binary):
            if binary and row[place] is not None:
                row[place] = base64.b64encode(row[place]).decode()
        line = msgspec.json.encode(row)
        self._lines.append(line)
        self._size += len(line)
        return self.rest() if self._size >= PART else None

    def rest(self) -> list[bytes] | None:
        """The lines of the last part; None when it would be empty."""
        lines, self._lines, self._size = self._lines, [self._header], 0
        return lines if len(lines) > 1 else None


def parsed(table: Table, lines: list[bytes]) -> list[dict[str, Any]]:
    """The rows of a part. Raises StorageError where they do not fit the table."""
    try:
        names = msgspec.json.decode(lines[0], type=list[str])
        columns = [table.columns[name] for name in names]
        found = [msgspec.json.decode(line, type=list[Any]) for line in lines[1:]]
        return [
            {column.name: _value(column, value) for column, value in zip(columns, row, strict=True)} for row in found
        ]
    except (KeyError, IndexError, ValueError, TypeError, msgspec.DecodeError, binascii.Error) as error:
        raise StorageError(f"the backup's rows of `{table.name}` do not fit its schema: {error}") from error


def _value(column: Column[Any], value: Any) -> Any:
    return (
        base64.b64decode(value, validate=True) if isinstance(column.type, LargeBinary) and value is not None else value
    )


async def write_rows(connection: AsyncConnection, table: Table, found: list[dict[str, Any]]) -> None:
    for start in range(0, len(found), BATCH):
        await connection.execute(table.insert(), found[start : start + BATCH])


async def counters(connection: AsyncConnection, tables: Iterable[Table]) -> dict[str, int]:
    """The last number that each table has given out by itself: it may be beyond those that are left, and what it
    named must not be named again.
    """
    found: dict[str, int] = {}
    for table, column in _counting(tables):
        last = await connection.scalar(select(func.coalesce(func.max(column), 0)))
        if connection.dialect.name == "postgresql":
            sequence = await _sequence(connection, table, column)
            told = await connection.scalar(
                text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
            )
        else:
            known = await connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"))
            query = text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=table.name)
            told = await connection.scalar(query) if known else 0
        found[str(table.name)] = max(last or 0, told or 0)
    return found


async def set_counters(connection: AsyncConnection, tables: Iterable[Table], wanted: dict[str, int]) -> None:
    """Go on counting after these."""
    for table, column in _counting(tables):
        last = max(await connection.scalar(select(func.coalesce(func.max(column), 0))) or 0, wanted.get(table.name, 0))
        if last == 0:
            continue
        if connection.dialect.name == "postgresql":
            sequence = await _sequence(connection, table, column)
            await connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})
        elif await _remembers(connection, table):
            here = {"name": table.name, "last": last}
            await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), here)
            await connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), here)


def _counting(tables: Iterable[Table]) -> list[tuple[Table, Column[Any]]]:
    """Tables whose key counts up by itself, with that key: as the models say, which the schema there need not."""
    found = []
    for table in tables:
        for key in Base.metadata.tables[table.name].primary_key.columns:
            if key.autoincrement is True and isinstance(key.type, Integer):
                found.append((table, table.columns[key.name]))
    return found


async def _remembers(connection: AsyncConnection, table: Table) -> bool:
    """SQLite keeps the last number of this table (AUTOINCREMENT)."""
    query = text("SELECT 1 FROM sqlite_master WHERE name = :name AND sql LIKE '%AUTOINCREMENT%'")
    return bool(await connection.scalar(query.bindparams(name=table.name)))


async def _sequence(connection: AsyncConnection, table: Table, column: Column[Any]) -> str:
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    sequence = await connection.scalar(query.bindparams(table=table.name, column=column.name))
    if sequence is None:
        raise StorageError(f"the table {table.name} has lost its sequence")
    return str(sequence)
