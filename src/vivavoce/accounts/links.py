"""Links that sign in once: printed at the first start, made by `vivavoce link`, or to set a forgotten password anew.

Whoever starts a reset neither sees nor chooses the password. The secret travels in the fragment of an address, which
browsers send to nobody, and is redeemed by a POST, so that a preview of the link does not use it up.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Literal, cast

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.names import known, missing
from vivavoce.errors import Unauthorised
from vivavoce.storage.clock import SECOND
from vivavoce.storage.models import OneTimeSecret, User

Kind = Literal["sign_in", "reset"]
"""`reset`: the person has to choose a new password on the way in."""
LENGTH: Final = 43
MOST: Final = 5
"""Links of one user that are valid at once; the oldest goes."""


@dataclass(frozen=True, slots=True)
class Link:
    """`secret` goes behind `/sign-in#link=`; `expires_at` in ms."""

    secret: str
    user: str
    kind: Kind
    expires_at: int


class Links:
    """Makes them, and takes them back once."""

    def __init__(self, commons: Commons, life_s: int) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._clock = commons.clock
        self._life = life_s * SECOND

    async def issue(self, actor: Actor, user_id: str, kind: Kind = "sign_in") -> Link:
        """Raises Missing without such a user, or for a disabled one."""
        async with self._database.writing() as session:
            user = select(User.id).where(User.id == known(user_id, "user"), User.disabled.is_(False)).with_for_update()
            if await session.scalar(user) is None:
                raise missing("user that is not disabled")
            return await self._issue(session, actor, user_id, kind)

    async def _issue(self, session: AsyncSession, actor: Actor, user_id: str, kind: Kind) -> Link:
        secret = secrets.token_urlsafe(32)
        moment = self._clock()
        older = await session.scalars(
            select(OneTimeSecret.hash)
            .where(OneTimeSecret.user_id == user_id)
            .order_by(OneTimeSecret.created_at.desc())
            .offset(MOST - 1)
        )
        await session.execute(delete(OneTimeSecret).where(OneTimeSecret.hash.in_(older.all())))
        link = Link(secret, user_id, kind, moment + self._life)
        await session.execute(
            insert(OneTimeSecret).values(
                hash=_hash(secret), kind=kind, user_id=user_id, created_at=moment, expires_at=link.expires_at
            )
        )
        await self._audit.record(session, actor, "link.create", "user", user_id, kind=kind)
        return link

    async def look(self, secret: str) -> tuple[str, Kind]:
        """User and kind of a link that could be taken now; it stays. Raises Unauthorised `link_invalid`."""
        async with self._database.reading() as session:
            row = (
                await session.execute(select(OneTimeSecret.user_id, OneTimeSecret.kind).where(*self._valid(secret)))
            ).first()
        return _found(row)

    async def take(self, session: AsyncSession, secret: str) -> tuple[str, Kind]:
        """User and kind; this and every other link of the user is gone. Raises Unauthorised `link_invalid`."""
        row = (
            await session.execute(
                delete(OneTimeSecret).where(*self._valid(secret)).returning(OneTimeSecret.user_id, OneTimeSecret.kind)
            )
        ).first()
        user, kind = _found(row)
        await session.execute(delete(OneTimeSecret).where(OneTimeSecret.user_id == user))
        return user, kind

    async def sweep(self) -> None:
        """Forget links that have run out."""
        old = select(OneTimeSecret.hash).where(OneTimeSecret.expires_at <= self._clock())
        async with self._database.writing() as session:
            # Those that somebody holds just now are left for the next time: no waiting for each other in a ring.
            found = (await session.scalars(old.limit(1000).with_for_update(skip_locked=True))).all()
            await session.execute(delete(OneTimeSecret).where(OneTimeSecret.hash.in_(found)))

    def _valid(self, secret: str) -> tuple[ColumnElement[bool], ...]:
        return OneTimeSecret.hash == _hash(secret), OneTimeSecret.expires_at > self._clock()


def _found(row: object) -> tuple[str, Kind]:
    if row is None:
        raise Unauthorised("this link has been used, or has run out", code="link_invalid")
    user, kind = cast("tuple[str, Kind]", row)
    return user, kind


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret[: LENGTH + 1].encode("utf-8", "surrogatepass")).digest()
