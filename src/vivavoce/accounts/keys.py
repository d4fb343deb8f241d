"""Secret keys of this room, in the database and sealed there: they sign access tokens, sign-ins and the audit.

Keys of access tokens come and go: the newest signs, an older one verifies `GRACE` more after it was retired. The two
others have fixed names, live as long as the database, and can never verify a token, whose `kid` has another form.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, update

from vivavoce.accounts.actor import SYSTEM, Actor
from vivavoce.accounts.commons import Commons
from vivavoce.aio import now
from vivavoce.errors import Conflict
from vivavoce.storage.clock import DAY, MINUTE
from vivavoce.storage.models import SigningKey
from vivavoce.storage.sealing import Sealer

REFRESH: Final = "refresh"
CHECKPOINTS: Final = "checkpoints"
FIXED: Final = (REFRESH, CHECKPOINTS)
"""Keys that last: of refresh tokens, of the audit's checkpoints."""
SCOPE: Final = "accounts"
KID: Final = re.compile(r"[0-9a-f]{16}")
LIFE: Final = 90 * DAY
GRACE: Final = 15 * MINUTE
RELOAD_S: Final = 30.0
"""Seconds after which another process's rotation is seen at the latest; far within the grace."""
UNKNOWN_S: Final = 1.0
"""An unknown `kid` makes us look again at most this often, however many of them come."""


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    secret: bytes
    created_at: int
    retired_at: int | None


class Keys:
    """The keys, remembered for `RELOAD_S`. All methods raise StorageUnavailable where the database has to be asked."""

    def __init__(self, commons: Commons, sealer: Sealer) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._clock = commons.clock
        self._sealer = sealer
        self._known: dict[str, Key] = {}
        self._read_at = float("-inf")

    async def signer(self) -> Key:
        """The key that signs access tokens now. The first one is made here; one past its days is replaced."""
        await self._fresh(RELOAD_S)
        newest = self._newest()
        if newest is None or newest.created_at + LIFE <= self._clock():
            return await self.rotate(SYSTEM, newest.kid if newest else "")
        return newest

    async def verifier(self, kid: str) -> bytes | None:
        """The secret behind a token's `kid`, or None: unknown, or retired too long ago."""
        if not KID.fullmatch(kid):
            return None
        await self._fresh(RELOAD_S if kid in self._known else UNKNOWN_S)
        key = self._known.get(kid)
        if key is None or (key.retired_at is not None and key.retired_at + GRACE <= self._clock()):
            return None
        return key.secret

    async def rotate(self, actor: Actor, old: str | None = None) -> Key:
        """A new key signs from now on. With `old`, only if that one is still the newest: two processes make one."""
        kid = secrets.token_hex(8)
        # Sealed first: it may have to make a data key, which is a transaction of its own.
        sealed = await self._seal(kid)
        async with self._database.writing() as session:
            await self._audit.locked(session)
            newest = await session.scalar(
                select(SigningKey.kid)
                .where(SigningKey.retired_at.is_(None), SigningKey.kid.not_in(FIXED))
                .order_by(SigningKey.created_at.desc(), SigningKey.kid)
                .limit(1)
            )
            if old is None or (newest or "") == old:
                moment = self._clock()
                await session.execute(
                    update(SigningKey)
                    .where(SigningKey.retired_at.is_(None), SigningKey.kid.not_in(FIXED))
                    .values(retired_at=moment)
                )
                await session.execute(insert(SigningKey).values(kid=kid, secret=sealed, created_at=moment))
                await self._audit.record(session, actor, "keys.rotate", "signing_key", kid)
        await self._fresh(0)
        key = self._newest()
        if key is None:
            raise Conflict("the key that was just made is gone")
        return key

    async def fixed(self, name: str) -> bytes:
        """The lasting key of that name (`REFRESH`, `CHECKPOINTS`), made at its first use."""
        if name in self._known:
            return self._known[name].secret
        sealed = await self._seal(name)
        try:
            async with self._database.writing() as session:
                if await session.get(SigningKey, name) is None:
                    session.add(SigningKey(kid=name, secret=sealed, created_at=self._clock()))
        except Conflict:
            pass  # another process was quicker: its key is the one
        await self._fresh(0)
        return self._known[name].secret

    async def _seal(self, kid: str) -> bytes:
        return await self._sealer.seal(secrets.token_bytes(32), SCOPE, _place(kid))

    async def _fresh(self, within_s: float) -> None:
        if now() - self._read_at < within_s:
            return
        async with self._database.reading() as session:
            rows = list(await session.scalars(select(SigningKey)))
        known = {}
        for row in rows:
            secret = await self._sealer.unseal(row.secret, SCOPE, _place(row.kid))
            known[row.kid] = Key(row.kid, secret, row.created_at, row.retired_at)
        self._known = known
        self._read_at = now()

    def _newest(self) -> Key | None:
        living = [key for kid, key in self._known.items() if KID.fullmatch(kid) and key.retired_at is None]
        return max(living, key=lambda key: (key.created_at, key.kid), default=None)


def _place(kid: str) -> str:
    return f"signing_keys/{kid}"
