"""PostgreSQL goes away, in each of the ways in which servers do, and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator

import pytest
from sqlalchemy import make_url, select, text

from vivavoce import aio
from vivavoce.errors import Conflict, StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.database import Database
from vivavoce.storage.database_postgres import CONNECTIONS, _encryption
from vivavoce.storage.migrate import upgrade
from vivavoce.storage.models import User
from vivavoce.testing import services
from vivavoce.testing.proxy import Proxy

pytestmark = [pytest.mark.real, pytest.mark.postgresql]


@pytest.fixture
def server() -> Iterator[services.Service]:
    """One of the test's own, since it will be harmed; what it has committed, it keeps."""
    with services.postgres("synchronous_commit=on") as server:
        yield server


@pytest.fixture
async def database(server: services.Service) -> AsyncGenerator[Database, None]:
    async with Database.open(server.url) as opened:
        await upgrade(opened)
        yield opened


async def busy(database: Database) -> None:
    """Every connection of the pool has been used."""

    async def use() -> None:
        async with database.reading() as session:
            await session.execute(text("SELECT pg_sleep(0.1)"))

    await asyncio.gather(*(use() for _ in range(CONNECTIONS)))


async def write(database: Database, number: int) -> None:
    async with database.writing() as session:
        session.add(User(id=f"{number:032}", name=f"n{number}", role="user", created_at=1, updated_at=1))


async def fails_quickly(database: Database, requests: int = 40) -> None:
    """More of them than there are connections, at once: all are told within three seconds, and nothing else."""

    async def one(number: int) -> None:
        begun = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await write(database, number)
        assert time.monotonic() - begun < 3.2

    await asyncio.gather(*(one(number) for number in range(requests)))


async def comes_back(database: Database) -> None:
    """Within five seconds, for everybody and without a fault afterwards."""
    async with asyncio.timeout(5):
        while True:
            try:
                await database.ping()
                break
            except StorageUnavailable:
                await asyncio.sleep(0.05)
    await asyncio.gather(*(write(database, 1000 + number) for number in range(40)))
    async with database.reading() as session:
        assert len((await session.scalars(select(User.id).where(User.name >= "n1000"))).all()) >= 40


async def test_killed_and_started_again(database: Database, server: services.Service) -> None:
    await busy(database)
    server.kill()
    await fails_quickly(database)
    server.start()
    await comes_back(database)


async def test_killed_under_load_loses_nothing_that_was_acknowledged(
    database: Database, server: services.Service
) -> None:
    written: set[str] = set()

    async def load(first: int) -> None:
        for number in range(first, first + 10_000):
            try:
                await write(database, number)
            except StorageUnavailable:
                return
            written.add(f"n{number}")

    async with asyncio.TaskGroup() as group:
        for worker in range(8):
            aio.spawn(group, load(worker * 10_000), f"load {worker}")
        await asyncio.sleep(0.3)
        server.kill()
    server.start()
    async with database.reading() as session:
        assert written <= set(await session.scalars(select(User.name)))
    assert written


async def test_frozen_and_thawed(database: Database, server: services.Service) -> None:
    await busy(database)
    server.freeze()
    await fails_quickly(database)
    server.thaw()
    await comes_back(database)


async def test_a_black_hole_on_the_way(database: Database, server: services.Service) -> None:
    """Packets vanish, and the connections of before stay dead when the line is well again."""
    async with Proxy(server.port) as proxy:
        through = make_url(server.url).set(port=proxy.port).render_as_string(hide_password=False)
        async with Database.open(through) as far:
            await busy(far)
            proxy.swallow()
            await fails_quickly(far)
            proxy.forward()
            await comes_back(far)


async def test_a_server_that_does_not_run(server: services.Service) -> None:
    server.kill()
    async with Database.open(server.url) as database:
        begun = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await database.ping()
        assert time.monotonic() - begun < 3


async def test_a_transaction_that_lost_a_deadlock_may_be_tried_again(database: Database) -> None:
    await write(database, 1)
    await write(database, 2)
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with database.writing() as session:
            await session.get_one(User, f"{first:032}", with_for_update=True)
            await met.wait()
            await session.get_one(User, f"{second:032}", with_for_update=True)

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(outcome) for outcome in outcomes if outcome) == [StorageUnavailable]
    await comes_back(database)


async def test_what_a_rule_of_the_schema_forbids_leaves_the_connection_well(database: Database) -> None:
    await write(database, 1)
    for _ in range(CONNECTIONS + 1):
        with pytest.raises(Conflict):
            await write(database, 1)
    await comes_back(database)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("53100", StorageFull),  # disk_full
        ("53300", StorageUnavailable),  # too_many_connections
        ("57P03", StorageUnavailable),  # cannot_connect_now
        ("40001", StorageUnavailable),  # serialization_failure: again may work
        ("23514", Conflict),  # check_violation
        ("42501", StorageError),  # insufficient_privilege: waiting does not help
    ],
)
async def test_what_the_server_says_is_told_in_our_words(database: Database, code: str, expected: type) -> None:
    async def fail() -> None:
        async with database.writing() as session:
            await session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))

    with pytest.raises(StorageError if expected is not Conflict else Conflict) as problem:
        await fail()
    assert type(problem.value) is expected
    await comes_back(database)


async def test_a_wrong_password_is_no_outage(server: services.Service) -> None:
    wrong = make_url(server.url).set(password="guess").render_as_string(hide_password=False)
    async with Database.open(wrong) as database:
        with pytest.raises(StorageError) as refused:
            await database.ping()
    assert not isinstance(refused.value, StorageUnavailable)
    assert "guess" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "mode"),
    [
        ("postgresql://u@127.0.0.1/db", "disable"),
        ("postgresql://u@localhost/db", "disable"),
        ("postgresql://u@db.example/db", "require"),
        ("postgresql://u@db.example/db?sslmode=verify-full", "verify-full"),
        ("postgresql://u@10.0.0.7/db?sslmode=disable", "disable"),
    ],
)
def test_what_leaves_this_machine_is_encrypted(address: str, mode: str) -> None:
    assert _encryption(make_url(address)) == mode
