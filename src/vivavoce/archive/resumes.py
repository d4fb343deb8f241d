"""Sessions go on elsewhere: their snapshots lie in the table `sessions`, one row each, held by one gateway at a time.

Taking one is a single update that also spends the token, so of two processes that try only one succeeds. The other one
that held it so far hears of it on the bus, and sees it at its next write at the latest: its row is not its own any
more.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce import aio
from vivavoce.archive.layout import scope, snapshot_place
from vivavoce.archive.news import News
from vivavoce.archive.observer import Known
from vivavoce.archive.reading_back import Past, close_turns
from vivavoce.archive.store import deleted
from vivavoce.conversation.snapshot import Snapshot, digest
from vivavoce.errors import Conflict, Refused, StorageError, StorageUnavailable
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.bus.port import News as Message
from vivavoce.storage.clock import SECOND, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import LiveSession
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

TAKEN: Final = "sessions.taken"
BEAT_S: Final = 10.0
"""Rows of living sessions are marked so often."""
ALIVE_MS: Final = 75 * SECOND
"""A row not marked for so long belongs to nobody: 60 s after the drop, a beat, and room for clocks that differ."""
_GATHER_S: Final = 0.2
_AT_ONCE: Final = 400

Key = tuple[str, str]
"""Owner, session."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose rows those are, and who is told that one is lost."""

    gateway: str
    release: Callable[[str, str], None]


class StoredResumes:
    """See conversation/snapshot.py `Resumes`. `known` is filled with what an observer has to go on from."""

    def __init__(
        self, database: Database, sealer: Sealer, past: Past, news: News, clock: Clock, holding: Holding
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._past = past
        self._news = news
        self._clock = clock
        self._holding = holding
        self._insert: Any = sqlite.insert if database.dialect == "sqlite" else postgresql.insert
        self._kept: dict[Key, Snapshot] = {}
        self._dropped: set[Key] = set()
        self._mine: set[Key] = set()
        """Sessions whose row is ours, as far as we know."""
        self._due = asyncio.Event()
        self.known: dict[str, Known] = {}
        """By conversation, from taking a session until it is observed; bounded, the oldest go."""

    # ── the port ──────────────────────────────────────────────────────────────────────────────

    def keep(self, snapshot: Snapshot) -> None:
        key = snapshot.spec.owner, snapshot.spec.session_id
        self._kept[key] = snapshot
        self._dropped.discard(key)
        self._due.set()

    def drop(self, owner: str, session_id: str) -> None:
        self._kept.pop((owner, session_id), None)
        self._dropped.add((owner, session_id))
        self._due.set()

    async def take(self, owner: str, session_id: str, kind: str, token: str) -> Snapshot | None:
        now = self._clock()
        row = LiveSession
        async with self._database.writing() as session:
            found = (
                await session.execute(
                    update(row)
                    .where(
                        row.owner_id == owner,
                        row.id == session_id,
                        row.kind == kind,
                        row.token_hash == digest(token),
                        row.seen_at >= now - ALIVE_MS,
                    )
                    .values(gateway=self._holding.gateway, token_hash=secrets.token_bytes(32), seen_at=now)
                    .returning(row.conversation_id, row.snapshot)
                )
            ).one_or_none()
            if found is None:
                return None
            await close_turns(session, found.conversation_id)
        snapshot = await self._opened(owner, session_id, found.conversation_id, found.snapshot)
        await self._remember(owner, found.conversation_id)
        self._mine.add((owner, session_id))
        self._news.tell(TAKEN, {"owner": owner, "id": session_id, "by": self._holding.gateway})
        return snapshot

    async def recall(self, owner: str, conversation: str) -> Snapshot | None:
        """Also raises Refused while a session goes on with it."""
        async with self._database.reading() as session:
            alive = LiveSession.seen_at >= self._clock() - ALIVE_MS
            held = select(LiveSession.id).where(
                LiveSession.owner_id == owner, LiveSession.conversation_id == conversation, alive
            )
            if (await session.scalars(held)).first() is not None:
                raise Refused("this conversation is going on in another place", code="session_in_use")
        snapshot = await self._past.recalled(owner, conversation)
        if snapshot is not None:
            await self._remember(owner, conversation)
        return snapshot

    async def _remember(self, owner: str, conversation: str) -> None:
        known = await self._past.known(owner, conversation)
        if known is not None:
            self.known[conversation] = known
            while len(self.known) > _AT_ONCE:
                del self.known[next(iter(self.known))]

    async def _opened(self, owner: str, session_id: str, conversation: str, sealed: bytes) -> Snapshot:
        plain = await self._sealer.unseal(sealed, scope(conversation), snapshot_place(session_id))
        try:
            return msgspec.json.decode(plain, type=Snapshot)
        except msgspec.DecodeError as error:
            raise StorageError("what was kept of the session is damaged") from error

    # ── the writing ───────────────────────────────────────────────────────────────────────────

    async def run(self, bus: Bus) -> None:
        """Until cancelled."""
        async with bus.subscribe(TAKEN, self._taken), asyncio.TaskGroup() as group:
            aio.spawn(group, self._beating(), "archive: beat")
            while True:
                await self._due.wait()
                await asyncio.sleep(_GATHER_S)
                self._due.clear()
                await self.flush()

    async def flush(self) -> None:
        """Write what has changed; with the database away it waits, the newest snapshot of each session only."""
        kept, self._kept = self._kept, {}
        dropped, self._dropped = self._dropped, set()
        try:
            await self._write(kept, dropped)
        except (StorageError, Conflict) as error:
            # A person who was deleted just now makes the others wait for the next time, not more.
            if isinstance(error, Conflict):
                kept = await self._possible(kept)
            self._kept = kept | self._kept
            self._dropped |= dropped - self._kept.keys()
            if not isinstance(error, StorageUnavailable):
                log.warning("sessions could not be kept: %s", error)
            await asyncio.sleep(1.0)
            self._due.set()

    async def _write(self, kept: dict[Key, Snapshot], dropped: set[Key]) -> None:
        rows = {key: await self._row(key, snapshot) for key, snapshot in kept.items()}
        async with self._database.writing() as session:
            holders = await self._holders(session, set(rows))
            elsewhere = {key for key, gateway in holders.items() if gateway != self._holding.gateway}
            lost = elsewhere & self._mine
            before = elsewhere - self._mine
            gone = await deleted(session, {row["conversation_id"]: key[0] for key, row in rows.items()})
            written = [row for key, row in rows.items() if key not in lost and row["conversation_id"] not in gone]
            await self._put(session, written)
            if dropped:
                mine = (LiveSession.gateway == self._holding.gateway, _keys(dropped))
                await session.execute(delete(LiveSession).where(*mine))
        self._mine |= kept.keys() - lost
        self._mine -= dropped
        for owner, id in before:
            self._news.tell(TAKEN, {"owner": owner, "id": id, "by": self._holding.gateway})
        for key in lost:
            self._let_go(key)
        self._tell_of(kept, dropped)

    async def _row(self, key: Key, snapshot: Snapshot) -> dict[str, Any]:
        plain = msgspec.json.encode(snapshot)
        sealed = await self._sealer.seal(plain, scope(snapshot.conversation), snapshot_place(key[1]))
        return {
            "owner_id": key[0],
            "id": key[1],
            "conversation_id": snapshot.conversation,
            "gateway": self._holding.gateway,
            "kind": snapshot.spec.kind,
            "token_hash": snapshot.token_hash,
            "snapshot": sealed,
            "seen_at": self._clock(),
        }

    async def _holders(self, session: AsyncSession, keys: set[Key]) -> dict[Key, str]:
        """Whose the rows of these sessions are, where there are any."""
        if not keys:
            return {}
        rows = select(LiveSession.owner_id, LiveSession.id, LiveSession.gateway).where(_keys(keys))
        return {(owner, id): gateway for owner, id, gateway in await session.execute(rows.with_for_update())}

    async def _put(self, session: AsyncSession, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        insert = self._insert(LiveSession)
        new = {name: insert.excluded[name] for name in rows[0] if name not in ("owner_id", "id")}
        await session.execute(insert.on_conflict_do_update(index_elements=["owner_id", "id"], set_=new), rows)

    async def _possible(self, kept: dict[Key, Snapshot]) -> dict[Key, Snapshot]:
        """Those whose owner there is."""
        try:
            there = await self._past.people({owner for owner, _ in kept})
        except StorageError:
            return kept
        return {key: snapshot for key, snapshot in kept.items() if key[0] in there}

    def _tell_of(self, kept: dict[Key, Snapshot], dropped: set[Key]) -> None:
        for (owner, id), snapshot in kept.items():
            self._news.live("sessions", owner, "changed", id, {"conversation": snapshot.conversation})
        for owner, id in dropped:
            self._news.live("sessions", owner, "deleted", id, {})

    # ── who holds what ────────────────────────────────────────────────────────────────────────

    async def _beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.beat()
            except StorageError:
                continue

    async def beat(self) -> None:
        """Say that our sessions live, and let go of those that are not ours any more. Raises StorageError."""
        mine = sorted(self._mine)
        for start in range(0, len(mine), _AT_ONCE):
            part = set(mine[start : start + _AT_ONCE])
            async with self._database.writing() as session:
                marked = await session.execute(
                    update(LiveSession)
                    .where(LiveSession.gateway == self._holding.gateway, _keys(part))
                    .values(seen_at=self._clock())
                    .returning(LiveSession.owner_id, LiveSession.id)
                )
                still = {(owner, id) for owner, id in marked}
                holders = await self._holders(session, part - still)
            for key in part - still:
                if key in holders:
                    self._let_go(key)
                else:  # the conversation was deleted
                    self._mine.discard(key)

    async def held(self) -> int:
        """Sessions whose rows are ours. For the status page."""
        async with self._database.reading() as session:
            mine = select(func.count()).where(LiveSession.gateway == self._holding.gateway)
            return (await session.scalar(mine)) or 0

    def _taken(self, message: Message) -> None:
        try:
            news = msgspec.json.decode(message.payload, type=dict[str, str])
            key = news["owner"], news["id"]
        except (msgspec.DecodeError, KeyError):
            return
        if news.get("by") != self._holding.gateway and key in self._mine:
            self._let_go(key)

    def _let_go(self, key: Key) -> None:
        self._mine.discard(key)
        self._kept.pop(key, None)
        self._holding.release(*key)


def _keys(keys: set[Key]) -> Any:
    return tuple_(LiveSession.owner_id, LiveSession.id).in_(sorted(keys))
