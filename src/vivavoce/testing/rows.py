"""Rows for tests that must treat every table alike (migrations, backups): made from the schema that is there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.dialects.postgresql import ARRAY

from vivavoce.storage.models import Base

Contents = dict[str, list[dict[str, Any]]]
"""The rows of each table, in the order of their keys."""


def fill(connection: Connection, count: int = 3, first: int = 1) -> None:
    """Write `count` rows into every table that is there, numbered from `first`; odd ones hold what may be NULL."""
    for table in _tables(connection):
        connection.execute(table.insert(), [_row(table, number) for number in range(first, first + count)])


def contents(connection: Connection) -> Contents:
    """Everything that is there."""
    found: Contents = {}
    for table in _tables(connection):
        rows = connection.execute(table.select().order_by(*table.primary_key.columns)).mappings()
        found[table.name] = [dict(row) for row in rows]
    return found


def _tables(connection: Connection) -> list[Table]:
    """Ours, parents first, without those that SQLite keeps behind a search index."""
    there = MetaData()
    there.reflect(connection, only=lambda name, _: name in Base.metadata.tables)
    return there.sorted_tables


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(column, number) for column in table.columns}


def _value(column: Column[Any], number: int) -> Any:
    """The same number gives the same value everywhere, so a row refers to that of its own number."""
    if column.nullable and number % 2 == 0:
        return None
    kind = column.type
    if isinstance(kind, ARRAY):
        return [number, (1 << 48) - number]
    if isinstance(kind, JSON):
        return {"number": number, "text": "Grüße, 世界", "list": [1, None, True, 0.5], "none": None}
    if isinstance(kind, LargeBinary):
        return f"{column.table.name}.{column.name}".encode() + bytes(range(256)) + number.to_bytes(4, "big")
    if isinstance(kind, Boolean):
        return number % 3 == 0
    if isinstance(kind, Integer):
        return number if column.primary_key or column.foreign_keys or column.unique else (1 << 40) + number
    if isinstance(kind, String):
        if column.name == "terms":
            return f"{number:012x} {(1 << 48) - number:012x}"
        return f"{number:032x}"[-(kind.length or 32) :]
    raise TypeError(f"no value is known for {column} of {kind!r}")
