"""Accounts over a real database, with a clock that tests turn and a hash that costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select

from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR, Actor, Whence
from vivavoce.accounts.chain import ORIGIN, link
from vivavoce.accounts.passwords import argon2id
from vivavoce.accounts.permissions import Role
from vivavoce.accounts.principal import Principal
from vivavoce.accounts.profile import Profile
from vivavoce.accounts.sign_ins import Grant
from vivavoce.app.settings.values import Accounts as Options
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditEntry
from vivavoce.storage.sealing import Plain

NOON = 1_764_000_000_000
PASSWORD = "plum tree by the river"
HOME = Whence("192.0.2.7", "Firefox")
ELSEWHERE = Whence("198.51.100.9", "curl")


@dataclass
class Watch:
    """A clock that moves when it is told to."""

    at: int = NOON

    def __call__(self) -> int:
        return self.at

    def on(self, ms: int) -> None:
        self.at += ms


def accounts(
    database: Database,
    watch: Watch,
    *,
    cache: Cache | None = None,
    bus: Bus | None = None,
    options: Options | None = None,
) -> Accounts:
    """All services of one process."""
    return Accounts.make(
        database,
        MemoryCache() if cache is None else cache,
        bus if bus is not None else MemoryBus(),
        Plain(),
        options or Options(),
        watch,
        hasher=argon2id(64, 1),
    )


async def history(house: Accounts, count: int, first: int = 1) -> None:
    """Rows of the audit as `record` would have made them one by one, from number `first` on."""
    before = ORIGIN
    if first > 1:
        async with house.commons.database.reading() as session:
            before = await session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == first - 1)) or ORIGIN
    rows = []
    for seq in range(first, first + count):
        row = {
            "seq": seq, "at": house.commons.clock(), "actor_id": "", "actor_name": "system", "actor_role": "admin",
            "act": "test.act", "object_kind": "thing", "object_id": f"{seq}", "address": "", "outcome": "ok",
            "detail": {"n": seq},
        }  # fmt: skip
        before = link(before, row)
        rows.append(row | {"hash": before})
    async with house.commons.database.writing() as session:
        await session.execute(insert(AuditEntry), rows)


async def person(house: Accounts, name: str, role: Role = "user") -> Profile:
    return await house.users.create(LOCAL_OPERATOR, name, role)


async def come_in(house: Accounts, user: Profile, password: str | None = None, whence: Whence = HOME) -> Grant:
    """By a link; with a password, that is theirs from then on."""
    link = await house.links.issue(LOCAL_OPERATOR, user.id)
    return await house.credentials.with_link(link.secret, whence, password)


async def whose(house: Accounts, grant: Grant) -> Principal:
    return await house.authenticator.authenticate(grant.access_token)


async def actor(house: Accounts, grant: Grant, whence: Whence = HOME) -> Actor:
    return Actor(await whose(house, grant), whence)
