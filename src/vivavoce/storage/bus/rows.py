"""Streams in the database: the durable ones of an installation without Redis.

Each step is one transaction. Readers of one group take turns by locking the group's row, writers of one stream by an
advisory lock: PostgreSQL hands out ids before transactions commit, and a reader would pass over a late one for ever.
SQLite has one writer anyway.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.storage.bus import dead
from vivavoce.storage.bus.ledger import Group, Held
from vivavoce.storage.bus.port import Delivery
from vivavoce.storage.bus.wakes import Wakes
from vivavoce.storage.clock import HOUR, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import StreamDelivery, StreamEntry, StreamGroup

PARKED: Final = 1 << 62
"""Due never: until the earlier entry of its key is done."""
FURTHEST_MS: Final = HOUR
"""Nobody holds or postpones for longer."""
PARKED_AT_ONCE: Final = 100
"""So many entries one step may park before it lets others write."""


class RowStreams(Wakes):
    """`Ledger` in the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._appended: dict[str, int] = {}

    # ── writing and reading ──

    async def append(self, stream: str, payload: bytes, key: str, keep: int) -> str:
        async with self._database.writing() as session:
            number = await self._add(session, stream, payload, key, keep)
        self.wake(stream)
        return str(number)

    async def read(self, stream: str, after: str, count: int) -> list[Delivery]:
        found = select(StreamEntry).where(StreamEntry.stream == stream, StreamEntry.id > int(after or 0))
        async with self._database.reading() as session:
            rows = await session.scalars(found.order_by(StreamEntry.id).limit(count))
            return [_delivery(row, 0) for row in rows]

    async def last_id(self, stream: str) -> str:
        async with self._database.reading() as session:
            last = await session.scalar(select(func.max(StreamEntry.id)).where(StreamEntry.stream == stream))
            return "" if last is None else str(last)

    async def length(self, stream: str) -> int:
        async with self._database.reading() as session:
            count = select(func.count()).select_from(StreamEntry).where(StreamEntry.stream == stream)
            return await session.scalar(count) or 0

    async def lost(self, stream: str) -> int:
        async with self._database.reading() as session:
            return await session.scalar(select(func.sum(StreamGroup.lost)).where(StreamGroup.stream == stream)) or 0

    # ── working ──

    async def next(self, group: Group, consumer: str, hold_s: float) -> Delivery | float:
        wait = await self._idle(group)
        if wait is not None:
            return wait  # without a writer's lock, and so without a word on the disk
        async with self._locked(group) as (session, row):
            now = self._clock()
            due = await session.scalar(
                select(StreamDelivery).where(_of(group), _due(now)).order_by(StreamDelivery.entry_id).limit(1)
            )
            if due is None:
                due = await self._unseen(session, group, row)
            if due is None:
                return 0.0  # somebody was quicker, or all of it had to be parked
            entry = await session.get_one(StreamEntry, due.entry_id)
            due.consumer, due.attempts, due.due_at = consumer, due.attempts + 1, now + _ms(hold_s)
            return _delivery(entry, due.attempts)

    async def extend(self, held: Held, hold_s: float) -> bool:
        return await self._postpone(held, hold_s)

    async def later(self, held: Held, delay_s: float) -> None:
        await self._postpone(held, delay_s)

    async def give_back(self, held: Held) -> None:
        async with self._database.writing() as session:
            change = update(StreamDelivery).where(_held(held))
            await session.execute(change.values(due_at=self._clock(), attempts=StreamDelivery.attempts - 1))
        self.wake(held.group.stream)

    async def done(self, held: Held) -> None:
        async with self._locked(held.group) as (session, _):
            await self._close(session, held)

    async def bury(self, held: Held, letter: bytes) -> None:
        grave = dead.stream_of(held.group.stream)
        async with self._locked(held.group) as (session, _):
            if await self._close(session, held):
                await self._add(session, grave, letter, "", dead.KEEP)
        self.wake(grave)

    async def leave(self, group: Group, consumer: str) -> None:
        return  # its name stands only in what it holds

    # ── steps ──

    async def _add(self, session: AsyncSession, stream: str, payload: bytes, key: str, keep: int) -> int:
        if self._database.dialect == "postgresql":
            await session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:stream, 0))"), {"stream": stream}
            )
        entry = StreamEntry(stream=stream, key=key, payload=payload, created_at=self._clock())
        session.add(entry)
        await session.flush()
        # Counting a long stream costs; after a start it is counted once, then each time a tenth was added.
        since = self._appended.get(stream, keep)
        self._appended[stream] = since + 1
        if since >= max(1, keep // 10):
            self._appended[stream] = 0
            await self._trim(session, stream, keep)
        return entry.id

    async def _trim(self, session: AsyncSession, stream: str, keep: int) -> None:
        newest = select(StreamEntry.id).where(StreamEntry.stream == stream).order_by(StreamEntry.id.desc())
        last = await session.scalar(newest.offset(keep).limit(1))
        if last is None:
            return
        old = and_(StreamEntry.stream == stream, StreamEntry.id <= last)
        groups = select(StreamGroup).where(StreamGroup.stream == stream).order_by(StreamGroup.name).with_for_update()
        for row in await session.scalars(groups):
            unseen = select(func.count()).select_from(StreamEntry).where(old, StreamEntry.id > row.last_id)
            undone = delete(StreamDelivery).where(_of(Group(stream, row.name)), StreamDelivery.entry_id <= last)
            keys = list(await session.scalars(undone.returning(StreamDelivery.key)))
            row.lost += (await session.scalar(unseen) or 0) + len(keys)
            row.last_id = max(row.last_id, last)
            await self._unpark(session, Group(stream, row.name), keys)
        await session.execute(delete(StreamEntry).where(old))

    async def _idle(self, group: Group) -> float | None:
        """Seconds until something is due, or None when there is something to do."""
        async with self._database.reading() as session:
            last = await session.scalar(
                select(StreamGroup.last_id).where(StreamGroup.stream == group.stream, StreamGroup.name == group.name)
            )
            unseen = select(StreamEntry.id).where(StreamEntry.stream == group.stream, StreamEntry.id > (last or 0))
            if await session.scalar(unseen.limit(1)) is not None:
                return None
            now = self._clock()
            if await session.scalar(select(StreamDelivery.entry_id).where(_of(group), _due(now)).limit(1)) is not None:
                return None
            due = await session.scalar(select(func.min(StreamDelivery.due_at)).where(_of(group)))
        return math.inf if due is None or due == PARKED else (due - now) / 1_000

    async def _unseen(self, session: AsyncSession, group: Group, row: StreamGroup) -> StreamDelivery | None:
        """The first entry that was never given and need not wait for an earlier one."""
        fresh = select(StreamEntry).where(StreamEntry.stream == group.stream, StreamEntry.id > row.last_id)
        for entry in await session.scalars(fresh.order_by(StreamEntry.id).limit(PARKED_AT_ONCE)):
            row.last_id = entry.id
            earlier = select(StreamDelivery.entry_id).where(_of(group), StreamDelivery.key == entry.key).limit(1)
            parked = entry.key != "" and await session.scalar(earlier) is not None
            given = StreamDelivery(
                stream=group.stream,
                name=group.name,
                entry_id=entry.id,
                key=entry.key,
                consumer="",
                attempts=0,
                due_at=PARKED if parked else self._clock(),
            )
            session.add(given)
            await session.flush()
            if not parked:
                return given
        return None

    async def _postpone(self, held: Held, seconds: float) -> bool:
        async with self._database.writing() as session:
            change = update(StreamDelivery).where(_held(held)).values(due_at=self._clock() + _ms(seconds))
            return (await session.execute(change.returning(StreamDelivery.entry_id))).first() is not None

    async def _close(self, session: AsyncSession, held: Held) -> bool:
        """Done with it, and the next one of its key may begin; False when it was somebody else's."""
        closed = await session.execute(delete(StreamDelivery).where(_held(held)).returning(StreamDelivery.key))
        keys = list(closed.scalars())
        await self._unpark(session, held.group, keys)
        return bool(keys)

    async def _unpark(self, session: AsyncSession, group: Group, keys: Iterable[str]) -> None:
        for key in set(keys) - {""}:
            first = select(func.min(StreamDelivery.entry_id)).where(_of(group), StreamDelivery.key == key)
            await session.execute(
                update(StreamDelivery)
                .where(_of(group), StreamDelivery.entry_id == first.scalar_subquery(), StreamDelivery.due_at == PARKED)
                .values(due_at=self._clock())
            )

    @asynccontextmanager
    async def _locked(self, group: Group) -> AsyncIterator[tuple[AsyncSession, StreamGroup]]:
        """A transaction that is alone with the group; a new group begins at the stream's first entry."""
        async with self._database.writing() as session:
            name = (group.stream, group.name)
            row = await session.get(StreamGroup, name, with_for_update=True)
            if row is None:
                insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
                fresh = insert(StreamGroup).values(stream=group.stream, name=group.name, last_id=0, lost=0)
                await session.execute(fresh.on_conflict_do_nothing())
                row = await session.get_one(StreamGroup, name, with_for_update=True)
            yield session, row


def _of(group: Group) -> ColumnElement[bool]:
    return and_(StreamDelivery.stream == group.stream, StreamDelivery.name == group.name)


def _due(now: int) -> ColumnElement[bool]:
    """Due, or so far ahead that the clock must have been set back since."""
    due = StreamDelivery.due_at
    return or_(due <= now, and_(due > now + FURTHEST_MS, due != PARKED))


def _held(held: Held) -> ColumnElement[bool]:
    return and_(
        _of(held.group),
        StreamDelivery.entry_id == int(held.entry.id),
        StreamDelivery.consumer == held.consumer,
        StreamDelivery.attempts == held.entry.attempt,
    )


def _delivery(entry: StreamEntry, attempt: int) -> Delivery:
    return Delivery(entry.stream, str(entry.id), entry.payload, attempt, entry.key)


def _ms(seconds: float) -> int:
    return min(max(0, round(seconds * 1_000)), FURTHEST_MS)
