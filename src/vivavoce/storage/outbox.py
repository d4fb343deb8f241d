"""The outbox: what a transaction wants to tell is written with it, and sent to the bus afterwards.

    async with database.writing() as session:
        session.add(turn)
        await outbox.add(session, "events.turns", conversation_id, payload)

One process at a time sends, in the order of the rows, and at least once: what was sent just before a crash is sent
again. So whoever handles an event notes its id in the transaction of its effect:

    await bus.consume("events.turns", "statistics", me, handling(database, "statistics", count_turn))

Rows stay ten minutes after they were sent. When the bus may have lost something (it was away, or its newest entry is
older than what we sent), those that it does not have any more are sent again. Order: two events of one key arrive in
the order of their rows, if their transactions did not overlap and Redis did not forget the first one only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec
from sqlalchemy import CursorResult, delete, event, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce import aio
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.bus.port import Bus, Delivery, Handler
from vivavoce.storage.clock import DAY, MINUTE, Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import Handled, OutboxEvent

KEPT_MS: Final = 10 * MINUTE
HANDLED_MS: Final = 7 * DAY
"""Longer than any entry is tried."""
BATCH: Final = 100
POLL_S: Final = 1.0
"""Rows of other processes are found after so long."""
PRUNE_S: Final = 60.0
LOCK: Final = 0x7676_6F75_7462_6F78
"""PostgreSQL's advisory lock of whoever sends."""

_log = logging.getLogger(__name__)


class Event(msgspec.Struct, frozen=True, array_like=True):
    """What the bus carries. `id` is the event's own, however often it is sent."""

    id: str
    payload: bytes

    def __bytes__(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def parse(cls, payload: bytes) -> Event:
        """Raises StorageError when it is none."""
        try:
            return msgspec.msgpack.decode(payload, type=cls)
        except msgspec.DecodeError as error:
            raise StorageError("that is no event of the outbox") from error


class Outbox:
    """See the head of the module. `run` sends, in its owner's task group; any number of processes may run it."""

    def __init__(self, database: Database, bus: Bus, clock: Clock = wall) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._written = asyncio.Event()
        self._in_doubt = True
        self._newest: dict[str, str] = {}
        self._alone = asyncio.Lock()

    async def add(self, session: AsyncSession, stream: str, key: str, payload: bytes) -> str:
        """Write an event in the caller's transaction; its id. It is sent as soon as that is committed."""
        row = OutboxEvent(stream=stream, key=key, payload=payload, created_at=self._clock())
        session.add(row)
        await session.flush()
        event.listen(session.sync_session, "after_commit", lambda _: self._written.set(), once=True)
        return str(row.id)

    async def run(self) -> None:
        """Send until cancelled. While bus or database are away it waits."""
        pruned = aio.now()
        async with self._bus.subscribe("outbox", lambda _: None, self._doubt):
            while True:
                self._written.clear()
                with suppress(StorageError):  # away, or full: the rows stay, and nobody is told that they do not
                    if await self.send():
                        continue
                    if aio.now() - pruned >= PRUNE_S:
                        pruned = aio.now()
                        await self.prune()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._written.wait()

    async def send(self) -> bool:
        """Send what is waiting, at most a hundred rows; whether there may be more. Raises StorageUnavailable."""
        async with self._sending() as mine:
            if not mine:
                return False
            if await self._may_have_lost():
                await self._find_lost()
            async with self._database.reading() as session:
                waiting = select(OutboxEvent).where(OutboxEvent.sent_at.is_(None)).order_by(OutboxEvent.id)
                rows = list(await session.scalars(waiting.limit(BATCH)))
            await self._send(rows)
            return len(rows) == BATCH

    async def prune(self) -> None:
        """Forget what was sent ten minutes ago, and what was handled a week ago."""
        now = self._clock()
        async with self._database.writing() as session:
            await session.execute(delete(OutboxEvent).where(OutboxEvent.sent_at < now - KEPT_MS))
            await session.execute(delete(Handled).where(Handled.at < now - HANDLED_MS))

    def _doubt(self) -> None:
        """The bus was away."""
        self._in_doubt = True
        self._written.set()

    async def _send(self, rows: Sequence[OutboxEvent]) -> None:
        sent: dict[int, str] = {}
        try:
            for row in rows:
                message = bytes(Event(str(row.id), row.payload))
                sent[row.id] = self._newest[row.stream] = await self._bus.append(row.stream, message, key=row.key)
        except StorageUnavailable:
            self._in_doubt = True
            raise
        finally:
            if sent:
                now = self._clock()
                changes = [{"id": number, "sent_at": now, "sent_as": name} for number, name in sent.items()]
                async with self._database.writing() as session:
                    await session.execute(update(OutboxEvent), changes)

    async def _may_have_lost(self) -> bool:
        if self._in_doubt:
            return True
        for stream, ours in self._newest.items():
            if _place(await self._bus.last_id(stream)) < _place(ours):
                return True
        return False

    async def _find_lost(self) -> None:
        """Rows that the bus does not have any more wait again. A row that a handler took and that was trimmed is
        sent once too often, which its id makes good.
        """
        lost: list[int] = []
        for stream, sent in (await self._sent()).items():
            there = {entry.id async for entry in self._entries(stream, _before(min(sent, key=_place)))}
            lost.extend(number for name, number in sent.items() if name not in there)
        if lost:
            _log.warning("the bus has lost %d events; they are sent again", len(lost))
            async with self._database.writing() as session:
                await session.execute(
                    update(OutboxEvent), [{"id": number, "sent_at": None, "sent_as": ""} for number in lost]
                )
        self._in_doubt = False
        self._newest.clear()

    async def _sent(self) -> dict[str, dict[str, int]]:
        """What was sent in the last ten minutes: by stream, the rows by the bus's ids."""
        columns = select(OutboxEvent.stream, OutboxEvent.sent_as, OutboxEvent.id)
        by_stream: dict[str, dict[str, int]] = {}
        async with self._database.reading() as session:
            for stream, name, number in await session.execute(
                columns.where(OutboxEvent.sent_at >= self._clock() - KEPT_MS)
            ):
                by_stream.setdefault(stream, {})[name] = number
        return by_stream

    async def _entries(self, stream: str, after: str) -> AsyncIterator[Delivery]:
        while page := await self._bus.read(stream, after, BATCH):
            for entry in page:
                yield entry
            after = page[-1].id

    @asynccontextmanager
    async def _sending(self) -> AsyncIterator[bool]:
        """Whether it is this one's turn; of several processes one sends, or order would be lost."""
        async with self._alone:
            if self._database.dialect == "sqlite":
                yield True  # one process owns the folder
                return
            async with self._database.reading() as session:
                lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
                yield bool(await session.scalar(lock, {"lock": LOCK}))


async def once(session: AsyncSession, handler: str, event_id: str, clock: Clock = wall) -> bool:
    """Note in this transaction that `handler` has carried out the event; False when it had already, so do nothing."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    note = insert(Handled).values(handler=handler, event_id=event_id, at=clock()).on_conflict_do_nothing()
    result = await session.execute(note)
    return isinstance(result, CursorResult) and result.rowcount == 1


Effect = Callable[[AsyncSession, Event], Awaitable[None]]


def handling(database: Database, handler: str, effect: Effect, clock: Clock = wall) -> Handler:
    """A handler for `Bus.consume` that carries out each event of the outbox once: `effect` works in the transaction
    in which the event's id is noted.
    """

    async def handle(delivery: Delivery) -> None:
        told = Event.parse(delivery.payload)
        async with database.writing() as session:
            if await once(session, handler, told.id, clock):
                await effect(session, told)

    return handle


def _place(identity: str) -> tuple[int, ...]:
    """Ids of entries in their order: `17`, or Redis's `1700000000000-3`. Nothing comes before all of them."""
    return tuple(int(part) for part in identity.split("-")) if identity else ()


def _before(identity: str) -> str:
    """An id that is just before that one."""
    *first, last = _place(identity)
    if last > 0:
        return "-".join(map(str, (*first, last - 1)))
    return "-".join(map(str, (first[0] - 1, 1 << 62))) if first else "0"
