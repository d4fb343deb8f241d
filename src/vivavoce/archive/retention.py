"""What runs out goes: words by age, sound by age and by room, links by their end. And what is made now and then.

The sweeper does it at the start and each hour, in one process at a time. Every step is safe to do twice and in any
order; one that fails is logged and tried again next time, and does not keep the others from their work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update

from vivavoce.archive.deletion import Deletions
from vivavoce.archive.leases import Leases
from vivavoce.errors import StorageError
from vivavoce.storage.clock import DAY, MINUTE, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import Recording, Share

log = logging.getLogger(__name__)

EVERY_S: Final = 3_600.0
RETRY_S: Final = 60.0
"""While the database is away."""
HELD_MS: Final = 10 * MINUTE
"""A sweep takes the lease anew before each step; no step may take longer than this."""
BATCH: Final = 200
LINKS_KEPT: Final = 30 * DAY
"""So long after its end a link is still listed."""
LEASE: Final = "sweeper"

Step = tuple[str, Callable[[], Awaitable[int]]]


@dataclass(frozen=True, slots=True)
class Kept:
    """How long and how much (`history` in the settings). 0 days: only as long as the conversation."""

    transcript_days: int
    recording_days: int
    recording_bytes: int


class Retention:
    """`kept` is asked anew at each sweep: settings change while the server runs."""

    def __init__(self, database: Database, deletions: Deletions, kept: Callable[[], Kept], clock: Clock) -> None:
        self._database = database
        self._deletions = deletions
        self._kept = kept
        self._clock = clock

    async def conversations(self) -> int:
        """Those whose last word is too old."""
        before = self._clock() - self._kept().transcript_days * DAY
        return (await self._deletions.expired(before)).conversations

    async def recordings(self) -> int:
        """Those that are too old, then the oldest ones until the rest has room."""
        kept, now = self._kept(), self._clock()
        old = (Recording.expires_at <= now) | (Recording.created_at <= now - kept.recording_days * DAY)
        gone = 0
        while taken := await self._drop(old, BATCH):
            gone += taken
        while taken := await self._beyond(kept.recording_bytes):
            gone += taken
        return gone

    async def links(self) -> int:
        """Those that ended long ago."""
        async with self._database.writing() as session:
            ended = await session.scalars(
                delete(Share).where(Share.expires_at < self._clock() - LINKS_KEPT).returning(Share.id)
            )
            return len(ended.all())

    async def _beyond(self, room: int) -> int:
        async with self._database.reading() as session:
            used = await session.scalar(
                select(func.coalesce(func.sum(Recording.size), 0)).where(Recording.state == "ready")
            )
            over = int(used or 0) - room
            if over <= 0:
                return 0
            oldest = select(Recording.id, Recording.size).where(Recording.state == "ready")
            rows = await session.execute(oldest.order_by(Recording.created_at, Recording.id).limit(BATCH))
            ids: list[str] = []
            for identity, size in rows:
                if over <= 0:
                    break
                ids.append(identity)
                over -= size
        return await self._drop(Recording.id.in_(ids), len(ids))

    async def _drop(self, which: ColumnElement[bool], limit: int) -> int:
        """The row stays, and says that there was sound once."""
        async with self._database.writing() as session:
            rows = (
                await session.execute(
                    select(Recording.id, Recording.blob)
                    .where(which, Recording.state.in_(("ready", "failed")))
                    .order_by(Recording.created_at)
                    .limit(limit)
                )
            ).all()
            ids = [row.id for row in rows]
            await self._deletions.forget_sound(session, [row.blob for row in rows if row.blob])
            await session.execute(
                update(Recording).where(Recording.id.in_(ids)).values(state="gone", size=0, blob="", peaks=None)
            )
        return len(ids)


class Sweeper:
    """Takes its steps one after another; each says how many things it removed or made. Runs until cancelled."""

    def __init__(self, leases: Leases, steps: Sequence[Step]) -> None:
        self._leases = leases
        self._steps = steps

    async def run(self) -> None:
        """At once, then each hour; each minute while something fails."""
        while True:
            swept = await self.sweep()
            await asyncio.sleep(RETRY_S if swept is None else EVERY_S)

    async def sweep(self) -> dict[str, int] | None:
        """Everything once: what each step did. Empty where another process is at it, None when something failed."""
        done: dict[str, int] = {}
        failed = False
        for name, work in self._steps:
            try:
                if not await self._leases.take(LEASE, HELD_MS):
                    return done
                done[name] = await work()
            except StorageError as error:
                log.warning("sweeping %s failed and will be tried again: %s", name, error)
                failed = True
        try:
            await self._leases.leave(LEASE)
        except StorageError:
            failed = True  # it runs out by itself
        did = ", ".join(f"{count} {name}" for name, count in done.items() if count)
        if did:
            log.info("swept: %s", did)
        return None if failed else done
