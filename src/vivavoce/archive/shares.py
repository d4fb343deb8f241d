"""Links to one conversation, for whoever has them: 256 bits after the `#`, of which only a hash is stored.

A link is exchanged for a bearer of ten minutes that opens that conversation and nothing else. The bearer is looked up
by the link's row each time, so a link that is revoked ends what was opened with it at once. It is signed with a key
that only the row has, so there is no further secret, and none of its own is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import Audit
from vivavoce.archive.conversations import known, missing
from vivavoce.archive.conversations_views import Shared, share
from vivavoce.errors import BadInput, LimitReached, Missing, Unauthorised
from vivavoce.storage.clock import DAY, MINUTE, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.ids import ID, new_id
from vivavoce.storage.models import Conversation, Share

LONGEST_DAYS: Final = 90
BEARER_MS: Final = 10 * MINUTE
MOST: Final = 20
"""Links of one conversation that are open at once."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_BEARER: Final = re.compile(r"vs_([0-9a-f]{32})_([0-9a-f]{1,12})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Made:
    """A new link. `secret` is shown this once."""

    share: Shared
    secret: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What a bearer opens."""

    share_id: str
    conversation_id: str
    owner_id: str
    expires_at: int
    """Of the link."""


class Shares:
    """Only owners make, see and revoke links; whoever has one opens it."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def create(self, actor: Actor, conversation: str, days: int) -> Made:
        """A link that is valid `days` days. Raises Missing, BadInput, LimitReached."""
        actor.principal.require("history.own")
        if not 1 <= days <= LONGEST_DAYS:
            raise BadInput(f"a link is valid for 1 to {LONGEST_DAYS} days")
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        owner = actor.principal.user
        row = Share(
            id=new_id(self._clock),
            conversation_id=known(conversation),
            owner_id=owner,
            hash=_hash(secret),
            created_at=now,
            expires_at=now + days * DAY,
            revoked_at=None,
            views=0,
        )
        async with self._database.writing() as session:
            there = select(Conversation.id).where(Conversation.id == conversation, Conversation.owner_id == owner)
            if await session.scalar(there.with_for_update()) is None:
                raise missing()
            open_now = select(func.count()).where(
                Share.conversation_id == conversation, Share.revoked_at.is_(None), Share.expires_at > now
            )
            if (await session.scalar(open_now) or 0) >= MOST:
                raise LimitReached(f"{MOST} links to this conversation are open; revoke one", code="too_many")
            session.add(row)
            await self._audit.record(session, actor, "share.create", "conversation", conversation, days=days)
        return Made(share(row), secret)

    async def list(self, actor: Actor, conversation: str) -> list[Shared]:
        """Newest first, also those that have run out or were revoked."""
        actor.principal.require("history.own")
        owner = actor.principal.user
        async with self._database.reading() as session:
            there = select(Conversation.id).where(
                Conversation.id == known(conversation), Conversation.owner_id == owner
            )
            if await session.scalar(there) is None:
                raise missing()
            rows = await session.scalars(
                select(Share)
                .where(Share.owner_id == owner, Share.conversation_id == conversation)
                .order_by(Share.id.desc())
            )
            return [share(row) for row in rows]

    async def revoke(self, actor: Actor, conversation: str, share_id: str) -> None:
        """At once; a second time does nothing. Raises Missing."""
        actor.principal.require("history.own")
        if not ID.fullmatch(share_id):
            raise _gone()
        mine = (
            Share.id == share_id,
            Share.conversation_id == known(conversation),
            Share.owner_id == actor.principal.user,
        )
        async with self._database.writing() as session:
            row = await session.scalar(select(Share).where(*mine))
            if row is None:
                raise _gone()
            changed = await session.scalars(
                update(Share)
                .where(*mine, Share.revoked_at.is_(None))
                .values(revoked_at=self._clock())
                .returning(Share.id)
            )
            if changed.first() is not None:
                await self._audit.record(session, actor, "share.revoke", "conversation", conversation)

    async def open(self, secret: str) -> tuple[Opened, str, int]:
        """What the link opens, its bearer and the bearer's end. Counts a view. Raises Missing (`not_shared`)."""
        if not _SECRET.fullmatch(secret):
            raise _not_shared()
        now = self._clock()
        async with self._database.writing() as session:
            row = await session.scalar(
                update(Share)
                .where(Share.hash == _hash(secret), Share.revoked_at.is_(None), Share.expires_at > now)
                .values(views=Share.views + 1)
                .returning(Share)
            )
        if row is None:
            raise _not_shared()
        until = min(now + BEARER_MS, row.expires_at)
        return _opened(row), f"vs_{row.id}_{until:x}_{_sign(row, until)}", until

    async def opened(self, bearer: str) -> Opened:
        """What a bearer opens now. Raises Unauthorised for one that has run out or is none of ours, Missing
        (`not_shared`) once the link was revoked.
        """
        found = _BEARER.fullmatch(bearer)
        if found is None:
            raise Unauthorised("open the link first", code="token_invalid")
        until, now = int(found[2], 16), self._clock()
        async with self._database.reading() as session:
            row = await session.get(Share, found[1])
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            raise _not_shared()
        if not hmac.compare_digest(found[3], _sign(row, until)):
            raise Unauthorised("open the link first", code="token_invalid")
        if until <= now:
            raise Unauthorised("open the link again", code="token_expired")
        return _opened(row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _sign(row: Share, until: int) -> str:
    return hmac.new(row.hash, f"share bearer\n{row.id}\n{until:x}".encode(), hashlib.sha256).hexdigest()


def _opened(row: Share) -> Opened:
    return Opened(row.id, row.conversation_id, row.owner_id, row.expires_at)


def _gone() -> Missing:
    return Missing("there is no such link")


def _not_shared() -> Missing:
    """One answer for links that never were, have run out or were revoked."""
    return Missing("this is no longer shared", code="not_shared")
