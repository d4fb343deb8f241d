"""Tokens for scripts: `vv_`, 43 characters (256 bits), and a checksum of 6, so that a mistyped one asks no database.

Only the SHA-256 is kept; the token is shown once. It may what its role, its scopes and its owner's role *today* allow.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import ColumnElement, bindparam, func, select, update

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import clean
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.names import known, missing
from vivavoce.accounts.permissions import PERMISSIONS, ROLES, TABLE, Permission, Role
from vivavoce.accounts.principal import Principal
from vivavoce.errors import BadInput, Refused, StorageError, Unauthorised
from vivavoce.storage.clock import DAY
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import ApiToken, User

FORM: Final = re.compile(r"vv_[A-Za-z0-9_-]{43}[0-9a-z]{6}")
MOST: Final = 50
"""Living tokens of one user."""
AT_ONCE: Final = 500
"""Tokens whose use one transaction notes."""
_TABLE: Final = ApiToken.metadata.tables[ApiToken.__tablename__]
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class ApiTokenView:
    """A token as its owner sees it: `hint` are its first characters. Times in ms."""

    id: str
    owner: str
    name: str
    hint: str
    role: Role
    scopes: tuple[Permission, ...]
    created_at: int
    expires_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """The only time that `token` is seen."""

    token: str
    view: ApiTokenView


class ApiTokens:
    """Makes, lists, checks and revokes them."""

    def __init__(self, commons: Commons, longest_days: int) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._revocations = commons.revocations
        self._clock = commons.clock
        self._longest = longest_days
        self._used: dict[str, int] = {}
        """Token → when it was used last; written by `note_use`."""

    async def create(
        self,
        actor: Actor,
        owner: str,
        name: str,
        role: Role,
        *,
        scopes: Collection[Permission] = (),
        days: int | None = None,
    ) -> NewApiToken:
        """A token of `owner`; no `scopes`: all that the role may.

        Raises BadInput, Missing without such an owner, Refused for a role beyond the owner's or too many tokens.
        """
        life = self._longest if days is None else days
        if role not in ROLES or not set(scopes) <= set(PERMISSIONS) or not 1 <= life <= self._longest:
            raise BadInput(f"a token needs a role, known scopes and 1 to {self._longest} days")
        if not (TABLE[role] & frozenset(scopes) if scopes else TABLE[role]) <= actor.principal.scopes:
            raise Refused("nobody gives a token more than they may themselves")  # else a small token makes a big one
        token = new_token()
        moment = self._clock()
        row = ApiToken(
            id=new_id(self._clock), owner_id=owner, name=clean(name.strip(), 64), hash=_hash(token), hint=token[:7],
            scopes=sorted(set(scopes)), role=role, created_at=moment, expires_at=moment + life * DAY,
        )  # fmt: skip
        async with self._database.writing() as session:
            user = await session.scalar(select(User).where(User.id == known(owner, "user")).with_for_update())
            if user is None:
                raise missing("user")
            if not TABLE[role] <= TABLE[cast(Role, user.role)]:
                raise Refused(f"a {user.role}'s token cannot have the role {role}")
            living = await session.scalar(select(func.count()).select_from(ApiToken).where(*self._living(owner)))
            if (living or 0) >= MOST:
                raise Refused(f"nobody has more than {MOST} tokens: revoke one first", code="limit_reached")
            session.add(row)
            await self._audit.record(session, actor, "token.create", "token", row.id, user=owner, role=role)
        return NewApiToken(token, _view(row))

    async def of(self, owner: str) -> list[ApiTokenView]:
        """The living tokens of a user, newest first."""
        async with self._database.reading() as session:
            rows = await session.scalars(select(ApiToken).where(*self._living(owner)).order_by(ApiToken.id.desc()))
            return [_view(row) for row in rows]

    async def revoke(self, actor: Actor, owner: str, token_id: str) -> None:
        """End one, everywhere at once. Raises Missing."""
        known(token_id, "token")
        async with self._database.writing() as session:
            ended = await session.execute(
                update(ApiToken)
                .where(*self._living(owner), ApiToken.id == token_id)
                .values(revoked_at=self._clock())
                .returning(ApiToken.id)
            )
            if ended.first() is None:
                raise missing("token")
            seq = await self._audit.record(
                session, actor, "token.revoke", "token", token_id, user=owner, sign_in=token_id
            )
        await self._revocations.tell(seq, owner, token_id)

    async def check(self, token: str) -> tuple[Principal, int]:
        """Whose it is, and when it ends (ms). Raises Unauthorised, StorageUnavailable."""
        if not well_formed(token):
            raise Unauthorised("this token is not valid", code="token_invalid")
        found = await self._find(ApiToken.hash == _hash(token))
        if found is None:
            raise Unauthorised("this token is not valid", code="token_invalid")
        principal, row = found
        self._used[row.id] = self._clock()
        return principal, row.expires_at

    async def current(self, owner: str, token_id: str) -> Principal:
        """The principal behind a token's id now. Raises Unauthorised."""
        found = await self._find(ApiToken.id == token_id, User.id == owner)
        if found is None:
            raise Unauthorised("this token has been revoked", code="token_revoked")
        return found[0]

    async def note_use(self) -> None:
        """Write down when tokens were used last: now and then for all of them, not with each request."""
        used, self._used = self._used, {}
        if not used:
            return
        # In the order of their ids: two processes note the same tokens, and must not wait for each other in a ring.
        noted = [{"token": token_id, "at": at} for token_id, at in sorted(used.items())]
        note = update(_TABLE).where(_TABLE.c.id == bindparam("token")).values(last_used_at=bindparam("at"))
        try:
            for start in range(0, len(noted), AT_ONCE):
                async with self._database.writing() as session:
                    await session.execute(note, noted[start : start + AT_ONCE])
        except StorageError:
            self._used = used | self._used  # next time; what was used meanwhile is newer
            raise

    async def _find(self, *which: ColumnElement[bool]) -> tuple[Principal, ApiToken] | None:
        async with self._database.reading() as session:
            row = (
                await session.execute(
                    select(ApiToken, User.name, User.role)
                    .join(User, User.id == ApiToken.owner_id)
                    .where(*which, User.disabled.is_(False))
                )
            ).first()
        if row is None:
            return None
        token: ApiToken = row[0]
        if token.revoked_at is not None:
            raise Unauthorised("this token has been revoked", code="token_revoked")
        if token.expires_at <= self._clock():
            raise Unauthorised("this token has run out", code="token_expired")
        role = cast(Role, token.role)
        scopes = TABLE[role] & TABLE[cast(Role, row[2])]
        if token.scopes:
            scopes &= frozenset(token.scopes)
        return Principal(token.owner_id, row[1], role, token.id, "token", scopes), token

    def _living(self, owner: str) -> tuple[ColumnElement[bool], ...]:
        return (
            ApiToken.owner_id == owner,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > self._clock(),
        )


def well_formed(token: str) -> bool:
    """Whether form and checksum fit: says nothing of whether there is such a token."""
    return FORM.fullmatch(token) is not None and token[-6:] == _checksum(token[:-6])


def new_token() -> str:
    body = "vv_" + secrets.token_urlsafe(32)
    return body + _checksum(body)


def _checksum(body: str) -> str:
    """CRC-32 in base 36, the last six digits."""
    value, out = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 36)
        out = DIGITS[digit] + out
    return out


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _view(row: ApiToken) -> ApiTokenView:
    return ApiTokenView(
        row.id, row.owner_id, row.name, row.hint, cast(Role, row.role), tuple(row.scopes), row.created_at,
        row.expires_at, row.last_used_at,
    )  # fmt: skip
