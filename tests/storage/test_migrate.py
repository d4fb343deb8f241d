"""The schema goes up and down with data in it, whole or not at all, once, and never under a newer one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, insert, inspect, text, update

from vivavoce.errors import Conflict, StorageError
from vivavoce.storage.database import Database
from vivavoce.storage.migrate import EMPTY, current, downgrade, latest, pending, upgrade
from vivavoce.storage.models import AuditCheckpoint, AuditEntry, Base
from vivavoce.testing.rows import contents, fill

pytestmark = pytest.mark.real


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) & set(Base.metadata.tables)


async def in_schema(database: Database) -> set[str]:
    async with database.snapshot() as connection:
        return await connection.run_sync(tables)


async def test_a_new_database_gets_everything(bare_url: str) -> None:
    async with Database.open(bare_url) as database:
        assert await current(database) is None
        assert await pending(database) == ["0001", "0002"]
        await upgrade(database)
        assert await current(database) == latest()
        assert await pending(database) == []
        await upgrade(database)
        assert await in_schema(database) == set(Base.metadata.tables)


async def test_the_schema_is_that_of_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                # The tables behind SQLite's full text search are no business of the models.
                "include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables,
                "include_object": lambda thing, name, kind, *_: kind != "index" or not str(name).endswith("_terms"),
            },
        )
        return list(compare_metadata(context, Base.metadata))

    async with database.snapshot() as connection:
        assert await connection.run_sync(differences) == []


async def test_up_and_down_with_data_in_it(bare_url: str) -> None:
    async with Database.open(bare_url) as database:
        await upgrade(database, "0001")
        async with database.migrating() as connection:
            await connection.run_sync(fill)
            before = await connection.run_sync(contents)
        await upgrade(database)
        async with database.migrating() as connection:
            after = await connection.run_sync(contents)
        assert {name: after[name] for name in before} == before
        await downgrade(database, "0001")
        async with database.snapshot() as connection:
            assert await connection.run_sync(contents) == before
        await downgrade(database, EMPTY)
        assert await in_schema(database) == set()
        await upgrade(database)


async def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (upgrade(database), downgrade(database, "0001"), pending(database)):
        with pytest.raises(StorageError, match=r"9999.*newer Vivavoce.*vivavoce restore"):
            await act
    assert await current(database) == "9999"


@pytest.mark.postgresql
async def test_gateways_that_start_at_once_migrate_once(bare_postgres_url: str) -> None:
    async def start() -> None:
        async with Database.open(bare_postgres_url) as database:
            await upgrade(database)
            await database.ping()

    await asyncio.gather(*(start() for _ in range(4)))


KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from vivavoce.storage.database import Database
from vivavoce.storage.migrate import upgrade

async def start(url):
    async with Database.open(url) as database:
        await upgrade(database)

def killed_before_statement(last):
    count = 0
    @event.listens_for(Engine, "before_cursor_execute")
    def die(*_):
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

urls = sys.argv[1:]
for number, url in enumerate(urls):
    pid = os.fork()
    if pid == 0:
        killed_before_statement(4 + 9 * number)
        asyncio.run(start(url))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(os.WIFSIGNALED(status))
"""


async def migrate_and_be_killed(*urls: str) -> list[str]:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *urls, stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    return out.decode().split()


async def test_kill_9_in_its_middle_leaves_the_old_schema_in_sqlite(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(6)]
    assert await migrate_and_be_killed(*urls) == ["True"] * 6
    for url in urls:
        async with Database.open(url) as database:
            assert await in_schema(database) == set()
            await upgrade(database)
            assert await in_schema(database) == set(Base.metadata.tables)


async def test_kill_9_in_its_middle_leaves_the_old_schema_in_postgresql(bare_postgres_url: str) -> None:
    assert await migrate_and_be_killed(*[bare_postgres_url] * 6) == ["True"] * 6
    async with Database.open(bare_postgres_url) as database:
        assert await in_schema(database) == set()
        await upgrade(database)
        assert await in_schema(database) == set(Base.metadata.tables)


async def test_a_migration_that_would_tear_rows_apart_is_refused(sqlite: Database) -> None:
    async def tear() -> None:
        async with sqlite.migrating() as connection:
            await connection.execute(text("DELETE FROM users"))

    async with sqlite.migrating() as connection:
        await connection.run_sync(fill)
    with pytest.raises(StorageError, match="refer to nothing"):
        await tear()
    async with sqlite.snapshot() as connection:
        assert len((await connection.run_sync(contents))["users"]) == 3


# ── the audit ─────────────────────────────────────────────────────────────────────────────────────


def entry(seq: int) -> dict[str, object]:
    who = {"actor_id": "", "actor_name": "ada", "actor_role": "admin", "address": "", "outcome": "ok"}
    return {"seq": seq, "at": seq, "act": "x", "object_kind": "", "object_id": "", "detail": {}, "hash": b""} | who


@pytest.mark.parametrize(
    "tampering",
    [
        update(AuditEntry).values(outcome="refused"),
        update(AuditEntry).where(AuditEntry.seq == 3).values(hash=b"x"),
        delete(AuditEntry).where(AuditEntry.seq == 3),
        delete(AuditEntry),
    ],
)
async def test_the_audit_only_grows(database: Database, tampering: object) -> None:
    async def tamper() -> None:
        async with database.writing() as session:
            await session.execute(tampering)  # type: ignore[call-overload]

    async with database.writing() as session:
        await session.execute(insert(AuditEntry), [entry(seq) for seq in (1, 2, 3)])
        session.add(AuditCheckpoint(seq=2, at=1, hash=b"", mac=b""))
    with pytest.raises(Conflict):
        await tamper()


async def test_what_a_checkpoint_calls_pruned_may_go(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(insert(AuditEntry), [entry(seq) for seq in (1, 2, 3)])
        session.add(AuditCheckpoint(seq=2, at=1, hash=b"", mac=b"", pruned=True))
        await session.flush()
        await session.execute(delete(AuditEntry).where(AuditEntry.seq <= 2))
    async with database.reading() as session:
        assert (await session.execute(text("SELECT seq FROM audit"))).scalars().all() == [3]


async def test_the_audit_cannot_be_emptied_at_one_stroke(database: Database) -> None:
    if database.dialect == "sqlite":
        return  # has no TRUNCATE; its DELETE is tried above
    with pytest.raises(Conflict):
        async with database.writing() as session:
            await session.execute(text("TRUNCATE audit"))
