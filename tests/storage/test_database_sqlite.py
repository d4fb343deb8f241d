"""How SQLite's connections are set: the promises of durability and of limits that the rest counts on."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from vivavoce.storage.database import Database
from vivavoce.storage.database_check import prepare
from vivavoce.storage.database_sqlite import readers
from vivavoce.storage.models import Setting

pytestmark = pytest.mark.real

LIMIT_S = 0.05
LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT count(*) FROM n"


@pytest.fixture
async def hasty(sqlite_url: str) -> AsyncGenerator[AsyncEngine, None]:
    """An engine whose statements have 50 ms."""
    engine = readers(make_url(sqlite_url), LIMIT_S)
    yield engine
    await engine.dispose()


async def test_a_statement_beyond_its_limit_is_interrupted(hasty: AsyncEngine) -> None:
    async with hasty.connect() as connection:
        with pytest.raises(OperationalError) as problem:
            await connection.execute(text(LONG))
    assert problem.value.orig.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT  # type: ignore[union-attr]


async def test_the_limit_is_that_of_a_statement_not_of_a_connection(hasty: AsyncEngine) -> None:
    """A connection serves for hours, and a transaction may hold many statements."""
    busy = text(LONG.replace("100000000", "30000"))
    async with hasty.connect() as connection:
        for _ in range(4):
            await asyncio.sleep(LIMIT_S * 0.7)
            assert await connection.scalar(busy) == 30_000
    async with hasty.connect() as connection:
        assert await connection.scalar(busy) == 30_000


async def test_a_connection_that_was_interrupted_serves_on(hasty: AsyncEngine) -> None:
    for _ in range(3):
        async with hasty.connect() as connection:
            with pytest.raises(OperationalError):
                await connection.execute(text(LONG))
        async with hasty.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 5000)],
)
async def test_what_writers_are_set_to(sqlite: Database, pragma: str, value: object) -> None:
    async with sqlite.writing() as session:
        assert await session.scalar(text(f"PRAGMA {pragma}")) == value


async def test_what_was_deleted_is_gone_from_the_file(sqlite: Database, sqlite_url: str) -> None:
    secret = "what nobody is to find any more"
    async with sqlite.writing() as session:
        await session.execute(text("INSERT INTO settings VALUES ('k', :value, 1, '')"), {"value": f'"{secret}"'})
    async with sqlite.writing() as session:
        await session.execute(text("DELETE FROM settings"))
    await sqlite.close()  # the last one to go empties the log into the file
    assert secret.encode() not in Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()


WRITES = """
import asyncio, sys
from vivavoce.storage.database import Database
from vivavoce.storage.models import Setting

async def write(url):
    async with Database.open(url) as database:
        for number in range(1, 1_000_000):
            async with database.writing() as session:  # two rows that belong together
                for key in "ab":
                    await session.merge(Setting(key=key, value={"value": number}, updated_at=number, updated_by=""))
            print(number, flush=True)

asyncio.run(write(sys.argv[1]))
"""


async def test_kill_9_loses_nothing_that_was_committed_and_leaves_no_half(sqlite_url: str) -> None:
    for patience_s in (0.01, 0.05, 0.1):
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITES, sqlite_url), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        await child.stdout.readline()
        await asyncio.sleep(patience_s)
        child.kill()
        out, _ = await child.communicate()
        told = max(1, *map(int, out.decode().rpartition("\n")[0].split() or ["1"]))
        async with Database.open(sqlite_url) as database:
            await prepare(database)
            async with database.reading() as session:
                one, other = [row.value["value"] for row in await session.scalars(select(Setting))]
        assert one == other >= told
