"""Both twins keep the same promises."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select, text, update

from vivavoce import aio
from vivavoce.errors import ConfigError, Conflict, StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.database import Database
from vivavoce.storage.models import User

pytestmark = pytest.mark.real


def somebody(name: str = "ada") -> User:
    return User(id=name.rjust(32, "0"), name=name, role="user", created_at=1, updated_at=1)


async def names(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(User.name).order_by(User.name)))


async def test_what_is_written_is_read(database: Database) -> None:
    async with database.writing() as session:
        session.add(somebody())
    assert await names(database) == ["ada"]


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def half_done() -> None:
        async with database.writing() as session:
            session.add(somebody())
            await session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await half_done()
    assert await names(database) == []


async def test_what_is_there_already_is_a_conflict(database: Database) -> None:
    async with database.writing() as session:
        session.add(somebody())
    with pytest.raises(Conflict):
        async with database.writing() as session:
            session.add(User(id="1" * 32, name="ada", role="user", created_at=1, updated_at=1))
    assert await names(database) == ["ada"]


async def test_a_reader_cannot_write(database: Database) -> None:
    async def sneak() -> None:
        async with database.reading() as session:
            session.add(somebody())
            await session.commit()

    with pytest.raises(StorageError) as refused:
        await sneak()
    assert not isinstance(refused.value, StorageUnavailable)
    assert await names(database) == []


async def test_a_reader_sees_one_moment(database: Database) -> None:
    async with database.reading() as session:
        assert (await session.scalars(select(User.name))).all() == []
        async with database.writing() as other:  # and does not hold the writer up
            other.add(somebody())
        assert (await session.scalars(select(User.name))).all() == []
    assert await names(database) == ["ada"]


async def test_many_readers_do_not_block_the_writer(database: Database) -> None:
    async with AsyncExitStack() as readers:
        for _ in range(7):
            session = await readers.enter_async_context(database.reading())
            await session.scalars(select(User.name))
        for number in range(20):
            async with database.writing() as session:
                session.add(somebody(f"n{number}"))
    assert len(await names(database)) == 20


async def test_writers_take_turns_and_none_is_broken_off(database: Database) -> None:
    """Read, then write what was read plus one: with a lock taken only at the write, some would be lost or refused."""
    async with database.writing() as session:
        session.add(somebody())

    async def count_up() -> None:
        async with database.writing() as session:
            user = await session.get_one(User, somebody().id, with_for_update=True)
            user.epoch += 1

    await asyncio.gather(*(count_up() for _ in range(40)))
    async with database.reading() as session:
        assert (await session.get_one(User, somebody().id)).epoch == 40


async def test_more_than_the_connections_wait_their_turn(database: Database) -> None:
    assert await asyncio.gather(*(names(database) for _ in range(200))) == [[]] * 200


async def test_a_statement_that_runs_too_long_is_ended(database: Database) -> None:
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await endless(database)
    assert time.monotonic() - begun < 3.5
    await database.ping()


@pytest.mark.parametrize("after_s", [0, 0.001, 0.01, 0.1])
async def test_a_cancelled_request_poisons_nothing(database: Database, after_s: float) -> None:
    """In the middle of a statement, of the begin or of the commit: whoever comes next finds a sound connection."""

    async def write(number: int) -> None:
        async with database.writing() as session:
            session.add(somebody(f"n{number}"))
            await session.flush()
            await session.execute(text("SELECT count(*) FROM users a, users b, users c"))

    done = set()
    async with asyncio.TaskGroup() as group:
        for number in range(30):
            task = aio.spawn(group, write(number), f"write {number}")
            await asyncio.sleep(after_s / (1 + number))
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                done.add(f"n{number}")
    assert done <= set(await names(database))  # one that was cancelled in its commit may be there, too
    await asyncio.gather(*(names(database) for _ in range(20)))


async def test_a_long_statement_that_is_cancelled_frees_its_place(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [aio.spawn(group, endless(database), f"endless {number}") for number in range(16)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
    begun = time.monotonic()
    await asyncio.gather(*(names(database) for _ in range(16)))
    assert time.monotonic() - begun < 1


async def endless(database: Database) -> None:
    async with database.reading() as session:
        await session.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
                "SELECT count(*) FROM n"
            )
        )


# ── SQLite alone ──────────────────────────────────────────────────────────────────────────────────


async def test_a_full_disk_is_told_and_leaves_nothing_half(sqlite: Database) -> None:
    async with sqlite.writing() as session:
        session.add(somebody())
        pages = await session.scalar(text("PRAGMA page_count"))
        await session.execute(text(f"PRAGMA max_page_count={pages + 4}"))

    async def write(number: int) -> None:
        async with sqlite.writing() as session:
            user = somebody(f"n{number}")
            user.display_name = "x" * 100_000
            session.add(user)

    with pytest.raises(StorageFull):
        await write(1)
    assert await names(sqlite) == ["ada"]
    async with sqlite.writing() as session:  # what needs no room goes on
        await session.execute(update(User).values(display_name="Ada"))


async def test_another_process_may_write_too(sqlite: Database, sqlite_url: str) -> None:
    """A command beside the server."""
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print(flush=True); "
    script += "sys.stdin.read(); c.execute(\"UPDATE users SET display_name = 'Ada'\"); c.commit()"
    async with sqlite.writing() as session:
        session.add(somebody())
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, sqlite_url.removeprefix("sqlite:///")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    await other.stdout.readline()
    async with asyncio.TaskGroup() as group:
        aio.spawn(group, rename(sqlite, "Augusta"), "our write")
        await asyncio.sleep(0.05)
        other.stdin.close()
        await other.wait()
    async with sqlite.reading() as session:
        assert (await session.scalars(select(User.display_name))).all() == ["Augusta"]


async def rename(database: Database, name: str) -> None:
    async with database.writing() as session:
        await session.execute(update(User).values(display_name=name))


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "", "sqlite"])
async def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        async with Database.open(url):
            pass
