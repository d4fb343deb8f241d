"""What runs out goes: words by age, sound by age and by room, links by their end. And what is made now and then.

The sweeper does it at the start and each hour, in one process at a time. Every step is safe to do twice and in any
order; one that fails is logged and tried again next time, and does not keep the others from their work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, text, update

from vivavoce.archive.deletion import Deletions, mark_gone
from vivavoce.archive.leases import Leases
from vivavoce.archive.search_rebuild import Rebuild
from vivavoce.archive.statistics import ROLL, Statistics
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
MERGED_PAGES: Final = 500
"""Of SQLite's full text, merged at a time: what was deleted leaves its lists only then."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long and how much (`history` in the settings). 0 days: only as long as the conversation."""

    transcript_days: int
    recording_days: int
    recording_bytes: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep removed."""

    conversations: int = 0
    recordings: int = 0
    links: int = 0


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
            await mark_gone(session, [row.blob for row in rows if row.blob], self._clock())
            await session.execute(
                update(Recording).where(Recording.id.in_(ids)).values(state="gone", size=0, blob="", peaks=None)
            )
        return len(ids)


class Sweeper:
    """Runs until cancelled."""

    def __init__(
        self,
        database: Database,
        leases: Leases,
        retention: Retention,
        deletions: Deletions,
        statistics: Statistics,
        rebuild: Rebuild,
    ) -> None:
        self._database = database
        self._leases = leases
        self._retention = retention
        self._deletions = deletions
        self._statistics = statistics
        self._rebuild = rebuild

    async def run(self) -> None:
        """At once, then each hour; each minute while the database is away."""
        while True:
            swept = await self.sweep()
            await asyncio.sleep(RETRY_S if swept is None else EVERY_S)

    async def sweep(self) -> Swept | None:
        """Everything once, where no other process is at it. None when something failed and is to be tried again."""
        done: dict[str, int] = {}
        failed = False
        for name, work in self._steps():
            try:
                if not await self._leases.take(ROLL, HELD_MS):
                    return Swept()
                done[name] = await work()
            except StorageError as error:
                log.warning("sweeping %s failed and will be tried again: %s", name, error)
                failed = True
        try:
            await self._leases.leave(ROLL)
        except StorageError:
            failed = True  # it runs out by itself
        if failed:
            return None
        swept = Swept(done["conversations"], done["recordings"], done["links"])
        if swept != Swept():
            log.info(
                "run out: %d conversations, %d recordings, %d links", swept.conversations, swept.recordings, swept.links
            )
        return swept

    def _steps(self) -> list[tuple[str, Callable[[], Awaitable[int]]]]:
        return [
            ("deletions", self._resumed),
            ("conversations", self._retention.conversations),
            ("recordings", self._retention.recordings),
            ("links", self._retention.links),
            ("statistics", self._statistics.roll),
            ("search", self._rebuild.step),
            ("full text", self._merged),
        ]

    async def _resumed(self) -> int:
        return (await self._deletions.resume()).conversations

    async def _merged(self) -> int:
        """Terms of what was deleted leave SQLite's full text when its parts are merged, and not before."""
        if self._database.dialect == "sqlite":
            async with self._database.writing() as session:
                await session.execute(
                    text("INSERT INTO turn_search(turn_search, rank) VALUES ('merge', :pages)"),
                    {"pages": MERGED_PAGES},
                )
        return 0
