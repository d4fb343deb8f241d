"""Coming in: by name and password, or by a link; and one's own password.

One answer for all that is wrong (no such name, no password, wrong, disabled), after one hash of the same cost.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts import password_rules
from vivavoce.accounts.actor import Actor, Whence, of_user
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.links import Links
from vivavoce.accounts.names import missing, spelled
from vivavoce.accounts.networks import network
from vivavoce.accounts.passwords import Passwords
from vivavoce.accounts.principal import guest
from vivavoce.accounts.sign_ins import Grant, SignIns
from vivavoce.accounts.throttle import Throttle, Try
from vivavoce.errors import BadInput, Refused, Unauthorised
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.models import KnownNetwork, OneTimeSecret, SignIn, User

TRUSTED: Final = 30 * DAY
"""From a network with a success in so long, nobody's guessing elsewhere keeps a person out."""
AUDITED: Final = 100
"""Refused tries of an hour that are written down; more are only counted."""

FRESH: Final = 15 * MINUTE
"""A sign-in so young may set the first password."""


class Credentials:
    """Who may begin a sign-in."""

    def __init__(
        self, commons: Commons, passwords: Passwords, throttle: Throttle, links: Links, sign_ins: SignIns
    ) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._clock = commons.clock
        self._tally = commons.tally
        self._passwords = passwords
        self._throttle = throttle
        self._links = links
        self._sign_ins = sign_ins
        self._hour_ends = 0
        self._written = 0

    async def with_password(self, name: str, password: str, whence: Whence) -> Grant:
        """Raises Unauthorised `sign_in_failed`, RateLimited, Refused `busy`, StorageUnavailable."""
        with self._tally.sign_in("password"):
            return await self._with_password(name, password, whence)

    async def _with_password(self, name: str, password: str, whence: Whence) -> Grant:
        user, trusted = await self._look(spelled(name), whence)
        tried = await self._throttle.admit(name.strip().lower(), whence.address, trusted=trusted)
        try:
            stored = user.password if user is not None and not user.disabled else None
            right = len(password) <= password_rules.LONGEST and await self._passwords.verify(stored, password)
        except Refused:
            await self._throttle.dropped(tried)
            raise
        if not right or user is None or stored is None:
            await self._refuse(tried, user, whence)
            raise _wrong()
        await self._throttle.succeeded(tried)
        anew = await self._anew(stored, password)
        async with self._database.writing() as session:
            current = await session.scalar(
                select(User)
                .where(User.id == user.id, User.disabled.is_(False), User.password == stored)
                .with_for_update()
            )
            if current is None:  # changed while we were hashing
                raise _wrong()
            if anew is not None:
                current.password = anew
            await self._trust(session, current.id, whence)
            begun = await self._sign_ins.begin(session, current, "password", whence)
        return await self._sign_ins.grant(begun)

    async def with_link(self, secret: str, whence: Whence, password: str | None = None) -> Grant:
        """Come in by a link, which is then gone; `password` becomes the new one, and a reset link needs it.

        Raises Unauthorised `link_invalid`, BadInput `password_weak` or `password_needed` (the link stays), Refused
        `busy`, StorageUnavailable.
        """
        with self._tally.sign_in("link"):
            return await self._with_link(secret, whence, password)

    async def _with_link(self, secret: str, whence: Whence, password: str | None) -> Grant:
        user_id, kind = await self._links.look(secret)
        if kind == "reset" and password is None:
            raise BadInput("this link needs a new password", code="password_needed")
        hashed = None
        if password is not None:
            await self._check_rules(user_id, password)
            hashed = await self._passwords.hash(password)
        async with self._database.writing() as session:
            # The user first, as everybody does who changes something of his: nobody waits for each other in a ring.
            user = await session.scalar(select(User).where(User.id == user_id).with_for_update())
            await self._links.take(session, secret)
            if user is None or user.disabled:
                raise Unauthorised("this link has been used, or has run out", code="link_invalid")
            if hashed is not None:
                await self._set(session, user, hashed)
            await self._trust(session, user.id, whence)
            begun = await self._sign_ins.begin(session, user, "link", whence, alone=hashed is not None)
            if hashed is not None:
                actor = of_user(user, begun.token.sign_in, whence)
                await self._audit.record(session, actor, "password.change", "user", user.id)
        return await self._sign_ins.grant(begun)

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """One's own; ends all other sign-ins. Who has none yet needs no `old`, but a sign-in of the last 15 minutes.

        Raises BadInput `password_wrong` or `password_weak`, Refused `sign_in_again` or `busy`, RateLimited, Missing.
        """
        me = actor.principal
        user, trusted = await self._look(me.name, actor.whence)
        if user is None or user.id != me.user:
            raise missing("user")
        await self._check_rules(user.id, new)
        if user.password is None:
            await self._fresh(actor)
        else:
            await self._check_old(user, old, trusted, actor.whence)
        hashed = await self._passwords.hash(new)
        async with self._database.writing() as session:
            current = await session.scalar(select(User).where(User.id == me.user).with_for_update())
            if current is None or current.password != user.password:
                raise BadInput("the password has been changed meanwhile", code="password_wrong")
            await self._set(session, current, hashed)
            ended = await self._sign_ins.end_all_in(session, actor, me.user, but=me.sign_in)
            await self._audit.record(session, actor, "password.change", "user", me.user)
        await self._sign_ins.tell(me.user, ended)

    async def _set(self, session: AsyncSession, user: User, hashed: str) -> None:
        user.password = hashed
        user.version += 1
        user.updated_at = self._clock()
        await session.execute(delete(OneTimeSecret).where(OneTimeSecret.user_id == user.id))

    async def _check_rules(self, user_id: str, password: str) -> None:
        async with self._database.reading() as session:
            user = await session.get(User, user_id)
        if user is None:
            raise missing("user")
        password_rules.check(password, (user.name, *user.name.replace("@", " ").split(), user.display_name))

    async def _check_old(self, user: User, old: str, trusted: bool, whence: Whence) -> None:
        tried = await self._throttle.admit(user.name, whence.address, trusted=trusted)
        try:
            right = await self._passwords.verify(user.password, old)
        except Refused:
            await self._throttle.dropped(tried)
            raise
        if not right:
            await self._refuse(tried, user, whence)
            raise BadInput("the old password is wrong", code="password_wrong")
        await self._throttle.succeeded(tried)

    async def _fresh(self, actor: Actor) -> None:
        since = self._clock() - FRESH
        async with self._database.reading() as session:
            mine = select(SignIn.id).where(
                SignIn.id == actor.principal.sign_in, SignIn.user_id == actor.principal.user, SignIn.created_at > since
            )
            if await session.scalar(mine) is None:
                raise Refused("sign in again before setting a password", code="sign_in_again")

    async def _anew(self, stored: str, password: str) -> str | None:
        if not self._passwords.outgrown(stored):
            return None
        try:
            return await self._passwords.hash(password)
        except Refused:  # busy: another time
            return None

    async def _look(self, name: str, whence: Whence) -> tuple[User | None, bool]:
        """The user of that name, and whether this very network is one he came from lately: one statement for all."""
        async with self._database.reading() as session:
            known = (KnownNetwork.user_id == User.id) & (KnownNetwork.network == network(whence.address))
            row = (
                await session.execute(
                    select(User, KnownNetwork.last_at).outerjoin(KnownNetwork, known).where(User.name == name)
                )
            ).first()
        if row is None:
            return None, False
        last_at: int = row[1] or 0
        return row[0], last_at > self._clock() - TRUSTED

    async def _trust(self, session: AsyncSession, user_id: str, whence: Whence) -> None:
        where = network(whence.address)
        if not where:
            return
        known = await session.get(KnownNetwork, (user_id, where))
        if known is None:
            session.add(KnownNetwork(user_id=user_id, network=where, last_at=self._clock()))
        else:
            known.last_at = self._clock()

    async def _refuse(self, tried: Try, user: User | None, whence: Whence) -> None:
        """Counted always; written down 100 times an hour. The name that was typed is not: it may be a password."""
        await self._throttle.failed(tried)
        moment = self._clock()
        if not moment < self._hour_ends <= moment + HOUR:  # over, or the clock was set back since
            self._hour_ends, self._written = moment + HOUR, 0
        self._written += 1
        if self._written > AUDITED:
            return
        async with self._database.writing() as session:
            nobody = Actor(guest(), whence)
            last = True if self._written == AUDITED else None
            await self._audit.record(
                session, nobody, "sign_in", "user", user.id if user else "", "refused", last_of_this_hour=last
            )


def _wrong() -> Unauthorised:
    return Unauthorised("name or password is wrong", code="sign_in_failed")
