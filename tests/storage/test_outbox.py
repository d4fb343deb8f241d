"""What is written with a transaction reaches the bus, at least once and in order, and has its effect once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce import aio
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.bus import open_bus
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.clock import MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import Handled, OutboxEvent, Setting
from vivavoce.storage.outbox import Event, Outbox, handling, once
from vivavoce.testing.conformance_storage import Seen
from vivavoce.testing.services import Service

pytestmark = pytest.mark.real


class Flaky(MemoryBus):
    """A bus that is away while `away` is set, or after some more appends."""

    away = False
    appends_left = 1_000

    async def append(self, stream: str, payload: bytes, *, key: str = "", keep: int = 100_000) -> str:
        if self.away or self.appends_left == 0:
            raise StorageUnavailable("away")
        self.appends_left -= 1
        return await super().append(stream, payload, key=key, keep=keep)


async def write(database: Database, outbox: Outbox, *payloads: bytes, stream: str = "s", key: str = "k") -> list[str]:
    async with database.writing() as session:
        return [await outbox.add(session, stream, key, payload) for payload in payloads]


async def told(bus: MemoryBus, stream: str = "s") -> list[bytes]:
    return [Event.parse(entry.payload).payload for entry in await bus.read(stream, "", 1_000)]


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = aio.spawn(tasks, outbox.run(), "outbox")
        yield
        task.cancel()


async def undone(database: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> None:
    """`work` in a transaction that does not come to its end."""
    with suppress(KeyError):
        async with database.writing() as session:
            await work(session)
            raise KeyError


async def test_what_is_committed_is_sent_at_once_and_what_is_undone_never(database: Database) -> None:
    bus = MemoryBus(database)
    outbox = Outbox(database, bus)
    loop = asyncio.get_running_loop()
    got = Seen[Event]()

    async def take(session: AsyncSession, event: Event) -> None:
        got.take(event)

    async with running(outbox), asyncio.TaskGroup() as tasks:
        working = aio.spawn(tasks, bus.consume("s", "g", "me", handling(database, "h", take)), "consumer")
        await undone(database, lambda session: outbox.add(session, "s", "k", b"undone"))
        begun = loop.time()
        ids = await write(database, outbox, b"one", b"two")
        await got.reach(2)
        assert loop.time() - begun < 0.9
        working.cancel()
    assert got == [Event(ids[0], b"one"), Event(ids[1], b"two")]


async def test_rows_are_sent_in_their_order_when_the_bus_comes_back(sqlite: Database) -> None:
    bus = Flaky(sqlite)
    outbox = Outbox(sqlite, bus)
    await write(sqlite, outbox, b"1", b"2", b"3")
    bus.appends_left = 1
    with pytest.raises(StorageUnavailable):
        await outbox.send()
    await write(sqlite, outbox, b"4")
    bus.appends_left = 1_000
    await outbox.send()
    assert await told(bus) == [b"1", b"2", b"3", b"4"]


async def test_a_long_queue_goes_in_batches(sqlite: Database) -> None:
    bus = MemoryBus()
    outbox = Outbox(sqlite, bus)
    await write(sqlite, outbox, *(b"%d" % n for n in range(250)))
    assert [await outbox.send() for _ in range(3)] == [True, True, False]
    assert await told(bus) == [b"%d" % n for n in range(250)]


async def test_of_two_processes_one_sends(database: Database) -> None:
    bus = MemoryBus(database)
    one, other = Outbox(database, bus), Outbox(database, bus)
    await write(database, one, *(b"%d" % n for n in range(20)))
    if database.dialect == "postgresql":
        await asyncio.gather(one.send(), other.send())
    else:  # of two processes only one could have opened the folder
        await one.send()
    assert await told(bus) == [b"%d" % n for n in range(20)]


async def test_what_the_bus_forgot_is_sent_again_for_ten_minutes(sqlite: Database) -> None:
    now = 1_000_000_000
    before, after = MemoryBus(), MemoryBus()
    first = Outbox(sqlite, before, lambda: now)
    await write(sqlite, first, b"old")
    await first.send()
    now += 10 * MINUTE + 1
    await write(sqlite, first, b"new", b"newer")
    await first.send()
    second = Outbox(sqlite, after, lambda: now)  # a bus that has none of it
    await second.send()
    assert await told(after) == [b"new", b"newer"]
    await second.send()
    assert await told(after) == [b"new", b"newer"]


async def test_rows_go_ten_minutes_after_they_were_sent_and_unsent_ones_stay(sqlite: Database) -> None:
    now = 1_000_000_000
    bus = Flaky(sqlite, lambda: now)
    outbox = Outbox(sqlite, bus, lambda: now)
    await write(sqlite, outbox, b"sent")
    await outbox.send()
    bus.away = True
    await write(sqlite, outbox, b"unsent")
    now += 10 * MINUTE
    await outbox.prune()
    assert await rows(sqlite) == [b"sent", b"unsent"]
    now += 1
    await outbox.prune()
    assert await rows(sqlite) == [b"unsent"]


async def rows(database: Database) -> list[bytes]:
    async with database.reading() as session:
        return list(await session.scalars(select(OutboxEvent.payload).order_by(OutboxEvent.id)))


async def test_the_id_of_a_pruned_row_is_not_used_again(sqlite: Database) -> None:
    now = 1_000_000_000
    outbox = Outbox(sqlite, MemoryBus(), lambda: now)
    ids = await write(sqlite, outbox, b"a", b"b")
    await outbox.send()
    now += 11 * MINUTE
    await outbox.prune()
    assert await rows(sqlite) == []
    assert not set(ids) & set(await write(sqlite, outbox, b"c", b"d"))


async def test_an_event_that_arrives_twice_has_its_effect_once(database: Database) -> None:
    async def effect(session: AsyncSession, event: Event) -> None:
        session.add(Setting(key=f"{event.id}.{await count(session)}", value={}, updated_at=0, updated_by=""))

    async def count(session: AsyncSession) -> int:
        return await session.scalar(select(func.count()).select_from(Setting)) or 0

    bus = MemoryBus()
    handle = handling(database, "settings", effect)
    await bus.append("s", bytes(Event("7", b"")))
    (entry,) = await bus.read("s", "", 1)
    await asyncio.gather(handle(entry), handle(entry))
    async with database.reading() as session:
        assert await count(session) == 1


async def test_a_handler_that_fails_has_not_handled_it(database: Database) -> None:
    await undone(database, lambda session: once(session, "h", "1"))
    async with database.writing() as session:
        assert await once(session, "h", "1")
        assert not await once(session, "h", "1")
        assert await once(session, "other", "1")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Handled)) == 2


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(StorageError):
        Event.parse(b"\xc1")


async def test_redis_emptied_in_the_middle_loses_nothing(
    sqlite: Database, redis_server: Service, redis_url: str
) -> None:
    got = Seen[Event]()

    async def take(session: AsyncSession, event: Event) -> None:
        got.take(event)

    import redis

    async with open_bus(redis_url) as bus:
        outbox = Outbox(sqlite, bus)
        sent = await write(sqlite, outbox, *(b"%d" % n for n in range(10)))
        await outbox.send()
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        sent += await write(sqlite, outbox, *(b"%d" % n for n in range(10, 20)))
        async with running(outbox), asyncio.TaskGroup() as tasks:
            working = aio.spawn(tasks, bus.consume("s", "g", "me", handling(sqlite, "h", take)), "consumer")
            await got.reach(20)
            working.cancel()
    assert got == [Event(identity, b"%d" % n) for n, identity in enumerate(sent)]
