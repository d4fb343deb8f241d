"""What a process that died left behind, put in order: at the start, and every minute for the others.

A turn that was open failed at the last second that was reported. A conversation that no living session holds is closed.
The sound that a dead process spooled here is stored as if the session had ended there. Of what cannot be told whose it
is nothing stays.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.clock import RATE
from vivavoce.archive.layout import scope, turn_place
from vivavoce.archive.reading_back import close_turns
from vivavoce.archive.resumes import ALIVE_MS
from vivavoce.archive.search_index import Indexed, SearchIndex
from vivavoce.archive.spool import Header, Spool
from vivavoce.archive.store import CUTS
from vivavoce.storage.clock import DAY, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, LiveSession, Recording, Turn
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

_AT_ONCE: Final = 200


class Repair:
    """`gateway` is the name of this data folder's process, which is the only one that has its spool."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        spool: Spool,
        index: SearchIndex,
        *,
        gateway: str,
        clock: Clock,
        recording_days: int,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._spool = spool
        self._index = index
        self._gateway = gateway
        self._clock = clock
        self._recording_days = recording_days
        self._orphans: set[str] = set()
        """Recordings in the spool that belonged to nothing at the last look."""

    async def at_start(self) -> None:
        """Before anything else happens: whatever bears our name is of a process that is gone. Raises StorageError."""
        await self._close_own_turns()
        await self.sweep()
        await self._adopt()

    async def sweep(self) -> None:
        """Drop sessions that nobody came back for; close the conversations that nobody holds. Raises StorageError."""
        async with self._database.writing() as session:
            stale = LiveSession.seen_at < self._clock() - ALIVE_MS
            await session.execute(delete(LiveSession).where(stale))
        while await self._close_some():
            pass

    async def _close_some(self) -> bool:
        """Whether there may be more."""
        async with self._database.writing() as session:
            held = exists().where(LiveSession.conversation_id == Conversation.id)
            # One that has just begun has its row before its session has.
            settled = Conversation.last_at < self._clock() - ALIVE_MS
            left = select(Conversation.id).where(Conversation.state == "open", settled, ~held).limit(_AT_ONCE)
            ids = list(await session.scalars(left))
            if not ids:
                return False
            await self._end_turns(session, ids)
            await session.execute(
                update(Conversation)
                .where(Conversation.id.in_(ids), Conversation.state == "open")
                .values(state="closed", ended_at=Conversation.last_at, end_reason="gone")
            )
            return len(ids) == _AT_ONCE

    async def _close_own_turns(self) -> None:
        """Of all conversations that no other gateway holds. They themselves may go on: a client has a minute to come.

        One that another gateway has begun this very moment, and holds no row for yet, is closed by mistake, and put
        right by its next row: what is over may be written over by what is over.
        """
        async with self._database.writing() as session:
            alive = LiveSession.seen_at >= self._clock() - ALIVE_MS
            elsewhere = exists().where(
                LiveSession.conversation_id == Conversation.id, LiveSession.gateway != self._gateway, alive
            )
            ours = list(await session.scalars(select(Conversation.id).where(Conversation.state == "open", ~elsewhere)))
            for start in range(0, len(ours), _AT_ONCE):
                await self._end_turns(session, ours[start : start + _AT_ONCE])

    async def _end_turns(self, session: AsyncSession, conversations: list[str]) -> None:
        if not conversations:
            return
        closed = await close_turns(session, *conversations)
        if not closed:
            return
        apps = await session.execute(
            select(Conversation.id, Conversation.app_id).where(Conversation.id.in_(conversations))
        )
        app_of = {row.id: row.app_id for row in apps}
        await self._index.keep(session, [await self._found(turn, app_of[turn.conversation_id]) for turn in closed])

    async def _found(self, turn: Turn, app: str) -> Indexed:
        return Indexed(
            turn_id=turn.id,
            conversation_id=turn.conversation_id,
            owner_id=turn.owner_id,
            app_id=app,
            started_at=turn.started_at,
            said=await self._plain(turn.said, turn, "said"),
            heard=await self._plain(turn.heard, turn, "heard"),
            response_ms=turn.response_ms,
            cut=turn.reason in CUTS,
        )

    async def _plain(self, stored: bytes | None, turn: Turn, column: str) -> str:
        if stored is None or not self._index.words:
            return ""
        place = turn_place(turn.reply, column)
        return (await self._sealer.unseal(stored, scope(turn.conversation_id), place)).decode(errors="replace")

    # ── sound ─────────────────────────────────────────────────────────────────────────────────

    async def _adopt(self) -> None:
        """Sound in our spool becomes recordings that are to be stored; rows without sound have failed."""
        there = await asyncio.to_thread(self._spool.recordings)
        for id in there:
            header = await asyncio.to_thread(self._spool.header, id)
            if header is None or not await self._adopted(header):
                await asyncio.to_thread(self._spool.drop, id)
        async with self._database.writing() as session:
            ours = (Recording.gateway == self._gateway, Recording.state.in_(("spooling", "pending")))
            await session.execute(update(Recording).where(*ours, Recording.id.not_in(there)).values(state="failed"))

    async def tidy(self, active: set[str]) -> None:
        """Drop sound in our spool that belongs to nothing any more, and did not at the last call. Raises StorageError.

        Once is not enough: a recording that is complete is active no more, and has its row some moments later. Not to
        be called while rows wait for the database: what they tell of looks just the same.
        """
        there = set(await asyncio.to_thread(self._spool.recordings)) - active
        async with self._database.reading() as session:
            waits = (Recording.id.in_(there), Recording.state.in_(("spooling", "pending")))
            kept = set(await session.scalars(select(Recording.id).where(*waits)))
        orphans = there - kept
        for id in orphans & self._orphans:
            log.info("recording %s belongs to nothing any more", id)
            await asyncio.to_thread(self._spool.drop, id)
        self._orphans = orphans

    async def _adopted(self, header: Header) -> bool:
        """Whether there is a row now that waits for this sound."""
        async with self._database.writing() as session:
            row = await session.get(Recording, header.recording)
            if row is not None:
                if row.state == "spooling":
                    row.state, row.gateway = "pending", self._gateway
                return row.state == "pending"
            begun = select(func.count()).where(
                Conversation.id == header.conversation, Conversation.owner_id == header.owner
            )
            if not await session.scalar(begun):
                return False
            session.add(
                Recording(
                    id=header.recording,
                    conversation_id=header.conversation,
                    owner_id=header.owner,
                    state="pending",
                    gateway=self._gateway,
                    from_ms=header.start * 1000 // RATE,
                    duration_ms=0,
                    size=0,
                    blob="",
                    created_at=header.created_at,
                    expires_at=header.created_at + self._recording_days * DAY,
                )
            )
            return True
