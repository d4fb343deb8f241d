"""Signing in and staying so: by password or link, refresh with rotation, the list of one's sign-ins, signing out.

A sign-in is a family of refresh tokens. Each refresh replaces the token; the direct parent repeated within 10 s, its
successor unused, gets the same answer (two tabs, a lost answer). Any older one means that a copy is about: the family
ends. Nothing that a client brings becomes part of a new sign-in, so there is none to be fixed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts import refresh_tokens
from vivavoce.accounts.access import AccessTokens
from vivavoce.accounts.actor import Actor, Whence, of_user
from vivavoce.accounts.audit import clean
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.keys import REFRESH, Keys
from vivavoce.accounts.names import known, missing
from vivavoce.accounts.networks import network
from vivavoce.accounts.permissions import Role
from vivavoce.accounts.profile import Profile
from vivavoce.accounts.refresh_tokens import RefreshToken
from vivavoce.errors import Missing, Unauthorised
from vivavoce.storage.clock import DAY, HOUR, SECOND
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import KnownNetwork, SignIn, User

MOST: Final = 20
"""Sign-ins of one user; the oldest ends."""
REPEAT: Final = 10 * SECOND
KEPT: Final = 30 * DAY
ADMIN_IDLE: Final = 12 * HOUR
ADMIN_LIFE: Final = 7 * DAY

How = Literal["password", "link"]
Ended = list[tuple[int, str]]
"""Audit rows, and the sign-ins that ended by them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody gets who may come in. `refresh_expires_in_s` is the cookie's longest life."""

    access_token: str
    expires_in_s: int
    refresh_token: str
    refresh_expires_in_s: int
    user: Profile
    sign_in: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A family with a token that nobody has yet; `expires_at` in ms."""

    user: User
    token: RefreshToken
    expires_at: int
    ended: Ended
    """Others that ended by it."""


@dataclass(frozen=True, slots=True)
class SignInView:
    """One sign-in as its owner sees it: `address` is the network it came from. Times in ms."""

    id: str
    how: str
    created_at: int
    last_used_at: int
    expires_at: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Lives:
    """Of sign-ins, in ms: unused, and at all."""

    idle: int
    whole: int

    def of(self, role: str) -> Lives:
        if role != "admin":
            return self
        return Lives(min(self.idle, ADMIN_IDLE), min(self.whole, ADMIN_LIFE))


class SignIns:
    """The families. Who may begin one is decided in front (see `credentials.py`)."""

    def __init__(self, commons: Commons, access: AccessTokens, keys: Keys, lives: Lives) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._revocations = commons.revocations
        self._live = commons.live
        self._clock = commons.clock
        self._access = access
        self._keys = keys
        self._lives = lives
        self._tally = commons.tally

    async def begin(self, session: AsyncSession, user: User, how: How, whence: Whence, *, alone: bool = False) -> Begun:
        """A new family of `user`, in the transaction of whatever allowed it; `grant` it after the commit.

        `alone`: all others end; else those beyond `MOST`, the oldest first.
        """
        moment = self._clock()
        ends = moment + self._lives.of(user.role).whole
        token = refresh_tokens.first(new_id(self._clock))
        others = (
            select(SignIn.id)
            .where(*self._living(user.id))
            .order_by(SignIn.created_at.desc(), SignIn.id.desc())
            .offset(0 if alone else MOST - 1)
        )
        ended = await self._end(session, SignIn.id.in_((await session.scalars(others)).all()))
        session.add(
            SignIn(
                id=token.sign_in, user_id=user.id, how=how, refresh_hash=token.hash, rotated_at=moment,
                created_at=moment, last_used_at=moment, expires_at=ends,
                address=network(whence.address), agent=clean(whence.agent),
            )
        )  # fmt: skip
        actor = of_user(user, token.sign_in, whence)
        told = await self._record(session, actor, user.id, ended)
        await self._audit.record(session, actor, "sign_in", "user", user.id, how=how, sign_in=token.sign_in)
        self._live.on_commit(session, "sign_ins", "created", token.sign_in, owner=user.id)
        return Begun(user, token, ends, told)

    async def grant(self, begun: Begun) -> Grant:
        """The answer to whoever may come in."""
        user, token = begun.user, begun.token
        await self.tell(user.id, begun.ended)
        access = await self._access.issue(user.id, token.sign_in, cast(Role, user.role), user.epoch)
        left = max(1, (begun.expires_at - self._clock()) // SECOND)
        written = refresh_tokens.write(await self._keys.fixed(REFRESH), token)
        return Grant(access, self._access.life_s, written, left, Profile.of(user), token.sign_in)

    async def refresh(self, text: str, whence: Whence) -> Grant:
        """New tokens for the newest refresh token of a family.

        Raises Unauthorised: `token_invalid` for none of ours, `token_expired`, `token_revoked` for an ended family,
        one that ends here because the token was used before included.
        """
        with self._tally.sign_in("refresh"):
            return await self._refresh(text, whence)

    async def _refresh(self, text: str, whence: Whence) -> Grant:
        key = await self._keys.fixed(REFRESH)
        token = refresh_tokens.read(key, text)
        if token is None:
            raise Unauthorised("this refresh token is not valid", code="token_invalid")
        moment = self._clock()
        reused = None
        async with self._database.writing() as session:
            row = (
                await session.execute(
                    select(SignIn, User)
                    .join(User, User.id == SignIn.user_id)
                    .where(SignIn.id == token.sign_in, SignIn.revoked_at.is_(None), User.disabled.is_(False))
                    .with_for_update(of=SignIn)
                )
            ).first()
            if row is None:
                raise Unauthorised("this sign-in has ended", code="token_revoked")
            family, user = row
            ends = self._ends(family, user)
            if min(ends, family.last_used_at + self._lives.of(user.role).idle) <= moment:
                raise Unauthorised("this sign-in has run out", code="token_expired")
            following = refresh_tokens.successor(key, token)
            if token.hash == family.refresh_hash:
                family.parent_hash, family.refresh_hash = token.hash, following.hash
                family.rotated_at = family.last_used_at = moment
            # Another process's clock, or this one's after a correction, may be behind that of the rotation.
            elif token.hash != family.parent_hash or abs(moment - family.rotated_at) > REPEAT:
                family.revoked_at = moment
                reused = await self._audit.record(
                    session, of_user(user, family.id, whence), "sign_in.reuse", "user", user.id, "refused",
                    user=user.id, sign_in=family.id,
                )  # fmt: skip
        if reused is not None:
            await self._revocations.tell(reused, user.id, family.id)
            raise Unauthorised("this refresh token was used before: the sign-in has ended", code="token_revoked")
        return await self.grant(Begun(user, following, ends, []))

    async def of(self, user_id: str) -> list[SignInView]:
        """The living sign-ins of a user, newest first."""
        async with self._database.reading() as session:
            rows = await session.scalars(
                select(SignIn).where(*self._living(user_id)).order_by(SignIn.created_at.desc(), SignIn.id.desc())
            )
            return [
                SignInView(row.id, row.how, row.created_at, row.last_used_at, row.expires_at, row.address, row.agent)
                for row in rows
            ]

    async def end(self, actor: Actor, user_id: str, sign_in: str) -> None:
        """End one of the user's. Raises Missing."""
        known(sign_in, "sign-in")
        async with self._database.writing() as session:
            ended = await self._end(session, SignIn.id == sign_in, SignIn.user_id == user_id)
            if not ended:
                raise missing("sign-in")
            told = await self._record(session, actor, user_id, ended)
        await self.tell(user_id, told)

    async def sign_out(self, actor: Actor) -> None:
        """End the actor's own; nothing where it has ended already, or where a token is asking."""
        if actor.principal.via != "session":
            return
        try:
            await self.end(actor, actor.principal.user, actor.principal.sign_in)
        except Missing:
            return

    async def end_all(self, actor: Actor, user_id: str, *, but: str = "") -> int:
        """End all of the user's sign-ins, or all `but` one; how many. API tokens are not sign-ins and stay."""
        async with self._database.writing() as session:
            ended = await self.end_all_in(session, actor, user_id, but=but)
        await self.tell(user_id, ended)
        return len(ended)

    async def end_all_in(self, session: AsyncSession, actor: Actor, user_id: str, *, but: str = "") -> Ended:
        """The same in somebody's transaction; `tell` of it after the commit."""
        ended = await self._end(session, SignIn.user_id == user_id, SignIn.id != but)
        return await self._record(session, actor, user_id, ended)

    async def tell(self, user_id: str, ended: Ended) -> None:
        """The news of what `end_all_in` ended."""
        for seq, sign_in in ended:
            await self._revocations.tell(seq, user_id, sign_in)

    async def sweep(self) -> None:
        """Forget sign-ins that ended or ran out, and networks from which nobody came, more than 30 days ago."""
        before = self._clock() - KEPT
        async with self._database.writing() as session:
            await session.execute(delete(SignIn).where(or_(SignIn.expires_at < before, SignIn.revoked_at < before)))
            await session.execute(delete(KnownNetwork).where(KnownNetwork.last_at < before))

    async def _end(self, session: AsyncSession, *which: ColumnElement[bool]) -> list[str]:
        ended = await session.scalars(
            update(SignIn)
            .where(*which, SignIn.revoked_at.is_(None))
            .values(revoked_at=self._clock())
            .returning(SignIn.id)
        )
        return list(ended)

    async def _record(self, session: AsyncSession, actor: Actor, user_id: str, ended: list[str]) -> Ended:
        told = []
        for sign_in in ended:
            seq = await self._audit.record(
                session, actor, "sign_in.end", "user", user_id, user=user_id, sign_in=sign_in
            )
            self._live.on_commit(session, "sign_ins", "deleted", sign_in, owner=user_id)
            told.append((seq, sign_in))
        return told

    def _ends(self, family: SignIn, user: User) -> int:
        """Also for somebody who became an administrator since."""
        return min(family.expires_at, family.created_at + self._lives.of(user.role).whole)

    def _living(self, user_id: str) -> tuple[ColumnElement[bool], ...]:
        return SignIn.user_id == user_id, SignIn.revoked_at.is_(None), SignIn.expires_at > self._clock()
