"""The first start: an administrator, and the link by which he comes in. There is no default password."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import SYSTEM
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.links import Link, Links
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import SignIn, User

NAME: Final = "admin"


class FirstStart:
    """Makes the administrator where there is nobody at all."""

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
        async with self._database.writing() as session:
            await self._audit.locked(session)  # one process after another
            if await session.scalar(select(func.count()).select_from(User)) == 0:
                await self._make(session)
            admin = await session.scalar(select(User).where(User.name == NAME, User.role == "admin"))
            return await self._links.issue_in(session, SYSTEM, admin.id, "sign_in") if admin else None

    async def _settled(self) -> bool:
        async with self._database.reading() as session:
            passwords = select(func.count()).select_from(User).where(User.password.is_not(None))
            users = await session.scalar(select(func.count()).select_from(User)) or 0
            return bool(
                users > 1
                or await session.scalar(passwords)
                or await session.scalar(select(func.count()).select_from(SignIn))
            )

    async def _make(self, session: AsyncSession) -> None:
        moment = self._clock()
        admin = User(
            id=new_id(self._clock), name=NAME, display_name="", role="admin", epoch=0, disabled=False, version=1,
            created_at=moment, updated_at=moment,
        )  # fmt: skip
        session.add(admin)
        await self._audit.record(session, SYSTEM, "user.create", "user", admin.id, role="admin")
