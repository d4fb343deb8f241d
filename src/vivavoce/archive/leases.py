"""Work that one process at a time does: a row says who, and until when if nothing is heard of them.

The database is the arbiter, so it works alike on SQLite and PostgreSQL and outlives a lost connection; the work itself
has to be safe to do twice, since a process that was stopped for long may wake up beside its successor.
"""

from __future__ import annotations

from sqlalchemy import Insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.storage.clock import Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import Lease


class Leases:
    """`holder` is this process."""

    def __init__(self, database: Database, holder: str, clock: Clock) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock

    async def take(self, name: str, for_ms: int) -> bool:
        """Whether it is ours from now on, or still is, for so long."""
        now = self._clock()
        async with self._database.writing() as session:
            await session.execute(_insert(session, name, self._holder, 0))
            taken = await session.scalars(
                update(Lease)
                .where(Lease.name == name, (Lease.until <= now) | (Lease.holder == self._holder))
                .values(holder=self._holder, until=now + for_ms)
                .returning(Lease.name)
            )
            return taken.first() is not None

    async def leave(self, name: str) -> None:
        """Somebody else may have it at once."""
        async with self._database.writing() as session:
            await session.execute(update(Lease).where(Lease.name == name, Lease.holder == self._holder).values(until=0))

    @staticmethod
    async def done(session: AsyncSession, name: str, at: int) -> None:
        """Note in the caller's transaction how far the work has come."""
        await session.execute(_insert(session, name, "", 0))
        await session.execute(update(Lease).where(Lease.name == name).values(done_at=at))


def _insert(session: AsyncSession, name: str, holder: str, until: int) -> Insert:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(Lease).values(name=name, holder=holder, until=until, done_at=0)
    return row.on_conflict_do_nothing(index_elements=[Lease.name])
