"""What there is of a conversation already, for whoever goes on with it or puts it in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.clock import RATE
from vivavoce.archive.journal import RESPONSES, ConversationDraft
from vivavoce.archive.layout import scope, title_place, turn_place
from vivavoce.archive.observer import Known
from vivavoce.archive.store import CUTS
from vivavoce.conversation.snapshot import Snapshot
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.ports import ChatMessage
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, Recording, Turn, User
from vivavoce.storage.sealing import Sealer

REMEMBERED = 40
"""Turns that a conversation goes on with, as many as its history holds."""


async def close_turns(session: AsyncSession, *conversations: str) -> Sequence[Turn]:
    """Close turns that were left open: they failed at the last second reported. In the caller's transaction."""
    closed = await session.scalars(
        update(Turn)
        .where(Turn.conversation_id.in_(conversations), Turn.state == "open")
        .values(state="failed", reason="failed")
        .returning(Turn)
    )
    return closed.all()


class Past:
    """Reads conversations of one owner. All methods raise StorageUnavailable."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def known(self, owner: str, conversation: str) -> Known | None:
        """To go on writing it. None when there is no row of it (yet)."""
        async with self._database.reading() as session:
            row = await session.scalar(
                select(Conversation).where(Conversation.id == conversation, Conversation.owner_id == owner)
            )
            if row is None:
                return None
            responses = await session.scalars(
                select(Turn.response_ms)
                .where(Turn.conversation_id == conversation, Turn.response_ms.is_not(None))
                .order_by(Turn.reply.desc())
                .limit(RESPONSES)
            )
            spoken = select(func.max(Turn.said_to_ms), func.max(Turn.heard_to_ms), func.max(Turn.heard_from_ms))
            times = (await session.execute(spoken.where(Turn.conversation_id == conversation))).one()
            recorded = select(func.max(Recording.from_ms + Recording.duration_ms))
            end = await session.scalar(recorded.where(Recording.conversation_id == conversation))
            newest = list(responses)
        draft = ConversationDraft(
            id=row.id,
            owner=owner,
            app=row.app_id,
            app_version=row.app_version,
            channel=row.channel,
            kind=row.kind,
            language=row.language,
            started_at=row.started_at,
            last_at=row.last_at,
            title=await self._plain(row.title, conversation, title_place()),
            turns=row.turns,
            cuts=row.cuts,
            responses=deque((ms for ms in reversed(newest) if ms is not None), maxlen=RESPONSES),
            new=False,
        )
        return Known(draft, max(0, *(ms or 0 for ms in (*times, end))) * RATE // 1000)

    async def recalled(self, owner: str, conversation: str) -> Snapshot | None:
        """The conversation as history has it, to go on with in a new session."""
        async with self._database.reading() as session:
            row = await session.scalar(
                select(Conversation).where(Conversation.id == conversation, Conversation.owner_id == owner)
            )
            if row is None:
                return None
            turns = await session.scalars(
                select(Turn)
                .where(Turn.conversation_id == conversation, Turn.owner_id == owner)
                .order_by(Turn.reply.desc())
                .limit(REMEMBERED)
            )
            newest = list(turns)
        messages: list[ChatMessage] = []
        heard = ""
        for turn in reversed(newest):
            said = await self._plain(turn.said, conversation, turn_place(turn.reply, "said"))
            heard = await self._plain(turn.heard, conversation, turn_place(turn.reply, "heard"))
            cut = turn.reason in CUTS or (turn.state == "failed" and turn.unheard is not None)
            messages += [ChatMessage("user", said)] if said else []
            messages += [ChatMessage("assistant", heard + ("—" if cut else ""))] if heard else []
        return Snapshot(
            SessionSpec("", language=row.language, owner=owner, app=row.app_id),
            conversation,
            b"",
            tuple(messages),
            replies=newest[0].reply if newest else 0,
            last_reply=heard,
        )

    async def people(self, ids: set[str]) -> set[str]:
        """Those of them there are."""
        async with self._database.reading() as session:
            return set(await session.scalars(select(User.id).where(User.id.in_(ids))))

    async def _plain(self, stored: bytes | None, conversation: str, place: str) -> str:
        if stored is None:
            return ""
        return (await self._sealer.unseal(stored, scope(conversation), place)).decode(errors="replace")
