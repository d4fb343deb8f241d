"""The sessions that live now, of all gateways: who talks, without a word of it; and ending one wherever it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import select

from vivavoce.accounts.actor import Actor
from vivavoce.errors import Missing, StorageUnavailable
from vivavoce.registry.commons import Commons
from vivavoce.storage.bus import News
from vivavoce.storage.clock import MINUTE
from vivavoce.storage.models import Conversation, LiveSession, User
from vivavoce.storage.paging import USUAL, Keyset, Page

log = logging.getLogger(__name__)

END: Final = "sessions.end"
"""Channel on which a gateway is told to end a session."""
FRESH_MS: Final = 2 * MINUTE
"""A row that nobody has touched for so long belongs to a gateway that is gone."""
ORDER: Final = Keyset("sessions", LiveSession.owner_id, LiveSession.id)

End = Callable[[str, str], bool]
"""Ends the session of that owner with that id, if it lives here."""


@dataclass(frozen=True, slots=True)
class Living:
    """One session."""

    owner: str
    owner_name: str
    id: str
    conversation: str
    gateway: str
    kind: str
    app: str
    language: str
    channel: str
    turns: int
    started_at: int
    seen_at: int


class _Order(msgspec.Struct):
    owner: str
    id: str


class LiveSessions:
    """See the head of the module. Each gateway `listen`s, with its own way of ending a session."""

    def __init__(self, commons: Commons) -> None:
        self._database = commons.database
        self._bus = commons.bus
        self._audit = commons.audit
        self._clock = commons.clock

    async def page(self, owner: str | None, *, cursor: str | None = None, limit: int = USUAL) -> Page[Living]:
        """Those of `owner`, or of everybody for None, by owner and id. Raises BadInput."""
        living: Any = (
            select(LiveSession, Conversation, User.name)
            .join(User, User.id == LiveSession.owner_id)
            .outerjoin(Conversation, Conversation.id == LiveSession.conversation_id)
            .where(LiveSession.seen_at > self._clock() - FRESH_MS)
        )
        if owner is not None:
            living = living.where(LiveSession.owner_id == owner)
        async with self._database.reading() as session:
            rows = (await session.execute(ORDER.after(living, cursor, limit))).all()
        page = ORDER.page([row for row, _, _ in rows], limit)
        return Page([_living(*row) for row in rows[:limit]], page.next)

    async def end(self, actor: Actor, owner: str, id: str) -> None:
        """End it, wherever it lives. Raises Missing, StorageUnavailable when no gateway can be told."""
        async with self._database.writing() as session:
            wanted = select(LiveSession.id).where(LiveSession.owner_id == owner, LiveSession.id == id)
            if await session.scalar(wanted) is None:
                raise Missing("there is no such session, or it has ended")
            await self._audit.record(session, actor, "session.end", "session", id, owner=owner)
        # After the commit: whoever records waits for this transaction, and must not wait for a bus that hangs.
        try:
            await self._bus.publish(END, msgspec.json.encode(_Order(owner, id)))
        except StorageUnavailable:
            async with self._database.writing() as session:
                await self._audit.record(session, actor, "session.end", "session", id, "failed", owner=owner)
            raise

    async def listen(self, end: End) -> None:
        """Carry out orders for sessions of this process until cancelled."""
        async with self._bus.subscribe(END, lambda news: _carry_out(news, end)):
            await asyncio.Event().wait()


def _carry_out(news: News, end: End) -> None:
    try:
        order = msgspec.json.decode(news.payload, type=_Order)
    except msgspec.DecodeError:
        log.warning("an order to end a session that cannot be read")
        return
    end(order.owner, order.id)


def _living(row: LiveSession, talk: Conversation | None, name: str) -> Living:
    return Living(
        owner=row.owner_id,
        owner_name=name,
        id=row.id,
        conversation=row.conversation_id,
        gateway=row.gateway,
        kind=row.kind,
        app=talk.app_id if talk else "",
        language=talk.language if talk else "",
        channel=talk.channel if talk else "",
        turns=talk.turns if talk else 0,
        started_at=talk.started_at if talk else row.seen_at,
        seen_at=row.seen_at,
    )
