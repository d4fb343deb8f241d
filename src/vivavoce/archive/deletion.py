"""Deleted means deleted: rows, index, recordings, links, the live snapshot, keys; the bytes of blobs follow.

One conversation goes in one transaction, with its row in the journal that backups carry: a restore deletes it again.
Blobs are marked in that transaction and their bytes are removed by the next sweep; where they were sealed, their keys
go at once, so nobody can read them meanwhile. Sound that still waits in a process's spool finds its row gone.

All conversations of a person are many transactions. The journal's row comes first; whoever finds it beside
conversations that are older goes on where a crash has stopped it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import Audit
from vivavoce.archive import layout
from vivavoce.archive.conversations import known, missing
from vivavoce.archive.news import LIVE
from vivavoce.archive.statistics import Statistics
from vivavoce.errors import Conflict, StorageError
from vivavoce.storage.backup_deletions import CONVERSATION, HISTORY
from vivavoce.storage.blobs import BlobIndex
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.clock import DAY, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import (
    ActivityCount,
    Conversation,
    DataKey,
    Deletion,
    LiveSession,
    Recording,
    Share,
    Turn,
)

log = logging.getLogger(__name__)

BATCH: Final = 50
"""Conversations that go in one transaction."""
AT_ONCE: Final = 1_000
"""Conversations of a person who is deleted: on SQLite, nobody else writes meanwhile."""
_REMEMBERED: Final = 30 * DAY
"""So old a deletion was finished long ago."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed, in rows and bytes. The bytes of blobs go within 24 hours."""

    conversations: int = 0
    turns: int = 0
    recordings: int = 0
    recording_bytes: int = 0
    shares: int = 0

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(
            self.conversations + other.conversations,
            self.turns + other.turns,
            self.recordings + other.recordings,
            self.recording_bytes + other.recording_bytes,
            self.shares + other.shares,
        )


class Deletions:
    """See the head of the module."""

    def __init__(
        self, database: Database, blobs: BlobIndex, audit: Audit, bus: Bus, statistics: Statistics, clock: Clock
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._audit = audit
        self._bus = bus
        self._statistics = statistics
        self._clock = clock

    async def conversation(self, actor: Actor, conversation: str) -> Receipt:
        """One of the actor's own. Raises Missing."""
        actor.principal.require("history.own")
        owner = actor.principal.user
        async with self._database.writing() as session:
            mine = select(Conversation.id).where(Conversation.id == known(conversation), Conversation.owner_id == owner)
            if await session.scalar(mine.with_for_update()) is None:
                raise missing()
            days = await self._statistics.days_of(session, [conversation])
            receipt = await self._remove(session, owner, [conversation])
            await self._statistics.recount(session, owner, days)
            session.add(Deletion(kind=CONVERSATION, object_id=conversation, at=self._clock()))
            await self._audit.record(
                session, actor, "conversation.delete", "conversation", conversation, turns=receipt.turns
            )
        await self._told(owner, conversation)
        return receipt

    async def everything(self, actor: Actor, owner: str) -> Receipt:
        """All that there is of a person until now. Whether the actor may is the caller's to know."""
        now = self._clock()
        async with self._database.writing() as session:
            session.add(Deletion(kind=HISTORY, object_id=owner, at=now))
            await self._audit.record(session, actor, "history.delete", "user", owner)
        return await self._all_of(owner, now)

    async def of_person(self, session: AsyncSession, owner: str) -> None:
        """In the transaction that deletes a person (`Users.on_delete`): what would not go with their rows.

        Raises Conflict (`history_first`) for more than one transaction can hold: then `everything` comes first.
        """
        ids = list(
            await session.scalars(select(Conversation.id).where(Conversation.owner_id == owner).limit(AT_ONCE + 1))
        )
        if len(ids) > AT_ONCE:
            raise Conflict(
                f"there are more than {AT_ONCE} conversations: delete the person's history first", code="history_first"
            )
        for at in range(0, len(ids), BATCH):
            await self._remove(session, owner, ids[at : at + BATCH])
        await session.execute(delete(ActivityCount).where(ActivityCount.owner_id == owner))

    async def resume(self) -> Receipt:
        """Go on with what a crash has stopped."""
        async with self._database.reading() as session:
            rows = await session.execute(
                select(Deletion.object_id, func.max(Deletion.at))
                .where(Deletion.kind == HISTORY, Deletion.at > self._clock() - _REMEMBERED)
                .group_by(Deletion.object_id)
            )
            journal = rows.all()
        receipt = Receipt()
        for owner, at in journal:
            receipt += await self._all_of(owner, at)
        return receipt

    async def expired(self, before: int) -> Receipt:
        """Conversations whose last word is older than `before`; those that still go on are left alone. They stay
        counted: the statistics may look back longer than the words do.
        """
        return await self._in_batches(Conversation.last_at < before, Conversation.state != "open")

    async def forget_sound(self, session: AsyncSession, keys: Sequence[str]) -> None:
        """In the caller's transaction: these blobs go, and what sealed them goes now."""
        await self._blobs.forget(session, keys)
        await session.execute(delete(DataKey).where(DataKey.scope.in_([layout.blob_scope(key) for key in keys])))

    async def _all_of(self, owner: str, until: int) -> Receipt:
        receipt = await self._in_batches(Conversation.owner_id == owner, Conversation.started_at <= until)
        await self._statistics.forget(owner, until)
        if receipt.conversations:
            await self._told(owner, "")
        return receipt

    async def _in_batches(self, *which: ColumnElement[bool]) -> Receipt:
        """Oldest first, each batch of one owner, until none is left."""
        receipt = Receipt()
        while True:
            async with self._database.writing() as session:
                first = select(Conversation.id, Conversation.owner_id).where(*which).order_by(Conversation.id)
                rows = (await session.execute(first.limit(BATCH))).all()
                if not rows:
                    return receipt
                owner = rows[0][1]
                receipt += await self._remove(session, owner, [one for one, whose in rows if whose == owner])

    async def _remove(self, session: AsyncSession, owner: str, ids: list[str]) -> Receipt:
        """Everything that hangs on these conversations of one person, in the caller's transaction."""
        sounds = (
            await session.scalars(
                select(Recording).where(Recording.conversation_id.in_(ids), Recording.owner_id == owner)
            )
        ).all()
        keys = [one.blob for one in sounds if one.blob]
        shares = await session.scalar(select(func.count()).where(Share.conversation_id.in_(ids)))
        turns = await session.scalar(select(func.count()).where(Turn.conversation_id.in_(ids)))
        await self.forget_sound(session, keys)
        await session.execute(delete(DataKey).where(DataKey.scope.in_([layout.scope(one) for one in ids])))
        await session.execute(
            delete(LiveSession).where(LiveSession.owner_id == owner, LiveSession.conversation_id.in_(ids))
        )
        # Turns, their index, recordings and links go with the conversation.
        await session.execute(delete(Conversation).where(Conversation.id.in_(ids), Conversation.owner_id == owner))
        return Receipt(len(ids), turns or 0, len(sounds), sum(one.size for one in sounds), shares or 0)

    async def _told(self, owner: str, conversation: str) -> None:
        news = {"topic": "conversations", "owner": owner, "kind": "deleted", "id": conversation, "data": {}}
        try:
            await self._bus.publish(LIVE, msgspec.json.encode(news))
        except StorageError as error:  # it is deleted all the same; whoever looks again sees it
            log.warning("a deletion was told to nobody: %s", error)
