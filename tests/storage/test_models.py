"""Rules that hold for every table."""

from __future__ import annotations

import pytest
from sqlalchemy import LargeBinary, String, delete

from vivavoce.storage.database import Database
from vivavoce.storage.models import Base, User
from vivavoce.testing.rows import contents, fill

TABLES = Base.metadata.sorted_tables

FORGOTTEN_BY_CODE = {"blobs", "idempotent_answers", "activity"}
"""Rows of somebody that outlive him until the code that deletes people has dealt with them, or their day is over."""
KEPT = {"audit", "deletions"}
"""Where his id stays: what he did, and that he is gone."""


@pytest.mark.real
async def test_who_is_deleted_is_named_nowhere_but_in_the_books(database: Database) -> None:
    async with database.migrating() as connection:
        await connection.run_sync(fill, 4)
    gone = f"{3:032x}"
    async with database.writing() as session:
        await session.execute(delete(User).where(User.id == gone))
    async with database.snapshot() as connection:
        found = await connection.run_sync(contents)
    named = {
        name for name, rows in found.items() if any(gone in (row.get("owner_id"), row.get("user_id")) for row in rows)
    }
    assert named == FORGOTTEN_BY_CODE
    assert all(len(found[name]) == 4 for name in KEPT)
    assert len(found["turns"]) == 3


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_text_has_a_bound(table: object) -> None:
    """What one row may hold is known; sealed text is bytes, and bounded where it is written."""
    for column in table.columns:  # type: ignore[attr-defined]
        if isinstance(column.type, String) and not isinstance(column.type, LargeBinary):
            assert column.type.length, column


@pytest.mark.parametrize("table", [one for one in TABLES if "owner_id" in one.columns], ids=str)
def test_rows_of_an_owner_are_found_by_owner(table: object) -> None:
    """Every query names the owner: an index, the key, or the conversation that belongs to the owner leads there."""
    columns = table.columns  # type: ignore[attr-defined]
    leading = {next(iter(index.columns)).name for index in table.indexes}  # type: ignore[attr-defined]
    leading.add(next(iter(table.primary_key.columns)).name)  # type: ignore[attr-defined]
    by_conversation = "conversation_id" in columns and "conversation_id" in leading
    assert "owner_id" in leading or by_conversation or "size" in leading
