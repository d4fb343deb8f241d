"""The first start: an administrator, and the link by which he comes in. There is no default password."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import SYSTEM
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.links import Link, Links
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import SignIn, User

NAME: Final = "admin"


class FirstStart:
    """Makes the administrator where there is none."""

    def __init__(self, commons: Commons, links: Links) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._clock = commons.clock
        self._links = links

    async def ensure(self) -> Link | None:
        """A link for the terminal, as long as nobody has ever come in; None otherwise.

        Of several processes that start at once one makes the administrator; each gets a link, and all of them are
        void once one was used. Raises StorageUnavailable.
        """
        if await self._settled():
            return None
        return await self._links.issue(SYSTEM, await self.administrator())

    async def administrator(self) -> str:
        """Id of the oldest administrator who is not disabled; made where there is none. Raises StorageUnavailable."""
        async with self._database.writing() as session:
            await self._audit.locked(session)  # one process after another
            oldest = select(User.id).where(User.role == "admin", User.disabled.is_(False)).order_by(User.id).limit(1)
            return await session.scalar(oldest) or await self._make(session)

    async def _settled(self) -> bool:
        """There is an administrator, and somebody has come in, or could with a password."""
        async with self._database.reading() as session:
            marks = await session.execute(
                select(
                    exists().where(User.role == "admin", User.disabled.is_(False)),
                    exists().where(User.password.is_not(None)) | exists().where(SignIn.id.is_not(None)),
                )
            )
        there, entered = marks.one()
        return there and entered

    async def _make(self, session: AsyncSession) -> str:
        taken = await session.scalar(select(User.id).where(User.name == NAME))
        moment = self._clock()
        admin = User(
            id=new_id(self._clock), name=f"{NAME}-{secrets.token_hex(2)}" if taken else NAME, display_name="",
            role="admin", epoch=0, disabled=False, version=1, created_at=moment, updated_at=moment,
        )  # fmt: skip
        session.add(admin)
        await self._audit.record(session, SYSTEM, "user.create", "user", admin.id, role="admin")
        return admin.id
