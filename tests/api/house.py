"""The API with everything below it that is real: a database in a file, the accounts, the registry, the door."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR, Whence
from vivavoce.accounts.permissions import Permission, Role
from vivavoce.api.app import api_app
from vivavoce.api.doctor import CheckView, DoctorApi, DoctorView, InUseView, Kind, TryView
from vivavoce.api.idempotency import Idempotency
from vivavoce.api.routing import Section, Table, declared
from vivavoce.api.sections import of_accounts, of_registry
from vivavoce.app.settings.values import Accounts as AccountSettings
from vivavoce.channels.access import Access
from vivavoce.channels.door import Door, Ways
from vivavoce.channels.guard import Guard
from vivavoce.channels.rates import RATES, ClassLimits, Rates
from vivavoce.errors import ConfigError
from vivavoce.registry.commons import Commons
from vivavoce.registry.overrides import Described
from vivavoce.registry.persona import Persona
from vivavoce.registry.registry import Registry
from vivavoce.storage.bus import Bus, open_bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.database import Database
from vivavoce.storage.models import Base
from vivavoce.storage.sealing import Plain

HERE = "http://127.0.0.1:8006"
SKILLS = ("time", "timer_set", "weather")
UNLIMITED = dict.fromkeys(RATES, ClassLimits(None, None, 10_000))
"""The limits are the door's own to test; here a thousand requests come in a second."""
EASY = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """Wall time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_795_676_400_000

    def __call__(self) -> int:
        return self.now


@dataclass
class Person:
    """Somebody with an account and a token of a sign-in."""

    id: str
    name: str
    role: Role
    token: str
    sign_in: str


@dataclass
class House:
    database: Database
    bus: Bus
    cache: MemoryCache
    clock: Clock
    accounts: Accounts
    registry: Registry
    app: ASGIApp
    people: dict[str, Person] = field(default_factory=dict)

    async def person(self, name: str, role: Role = "user") -> Person:
        """That person, made when asked for first."""
        if name not in self.people:
            made = await self.accounts.users.create(LOCAL_OPERATOR, name, role)
            link = await self.accounts.links.issue(LOCAL_OPERATOR, made.id)
            grant = await self.accounts.credentials.with_link(link.secret, Whence("127.0.0.1", "tests"))
            self.people[name] = Person(made.id, name, role, grant.access_token, grant.sign_in)
        return self.people[name]

    async def token(self, owner: Person, *scopes: Permission) -> str:
        """A token for scripts with no more than these scopes."""
        made = await self.accounts.api_tokens.create(LOCAL_OPERATOR, owner.id, "t", owner.role, scopes=scopes)
        return made.token

    def browser(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client that shows this token, or none."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=transport, base_url=HERE, headers={**shown, **headers})

    @asynccontextmanager
    async def asking(self, name: str, role: Role = "user") -> AsyncIterator[httpx.AsyncClient]:
        """A client of that person."""
        async with self.browser((await self.person(name, role)).token) as browser:
            yield browser


@asynccontextmanager
async def house(folder: Path, *further: Section, guests: bool = False, url: str | None = None) -> AsyncIterator[House]:
    """All of it on the database at `url`, or on a fresh one in `folder`; `further` sections answer too."""
    clock, cache = Clock(), MemoryCache()
    async with (
        Database.open(url or f"sqlite:///{folder / 'house.db'}") as database,
        open_bus(None, database) as bus,
    ):
        if url is None:
            await _schema(database)
        accounts = Accounts.make(database, cache, bus, Plain(), AccountSettings(), clock, hasher=EASY)
        commons = Commons(database, cache, bus, accounts.audit, clock)
        registry = Registry.make(commons, Rules(), assistant, SKILLS)
        every = [*of_accounts(accounts), *of_registry(registry), DoctorApi(examine, try_out), *further]
        inner = api_app(every, Idempotency(database, clock))
        door = Door(
            Ways(Access(), guests=guests),
            accounts.authenticator,
            accounts.tickets,
            Rates(cache, UNLIMITED, clock=clock),
        )
        app = Guard(inner, door, Table(declared(inner.routes)), cache)
        try:
            yield House(database, bus, cache, clock, accounts, registry, app)
        finally:
            accounts.passwords.close()


async def _schema(database: Database) -> None:
    async with database.writers.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


def assistant() -> Persona:
    return Persona(name="Assistant", prompt="You are helpful.", language="en", patience=1.5)


class Rules:
    """Four settings: one that works at once, one after a restart, one that a file rules, and a fixed one."""

    def describe(self, rows: Mapping[str, Any]) -> Sequence[Described]:
        return [
            _setting("turn.patience", 1.0, rows, "now"),
            _setting("limits.slots", 400, rows, "restart"),
            _setting("talk.language", "en", rows, "now", origin="file", where="vivavoce.yaml:14"),
            _setting("server.port", 8006, rows, "fixed"),
        ]

    def check(self, rows: Mapping[str, Any]) -> None:
        patience = rows.get("turn.patience", 1.0)
        if not isinstance(patience, int | float) or not 0.5 <= patience <= 3:
            raise ConfigError(f"turn.patience = {patience!r}: expected a number from 0.5 to 3")


def _setting(key: str, default: Any, rows: Mapping[str, Any], effect: Any, **ruled: Any) -> Described:
    value = rows.get(key, default)
    shown: dict[str, Any] = {"origin": "console" if key in rows else "default", "where": "", **ruled}
    return Described(
        key=key, value=value if effect == "now" else default, saved=rows.get(key), is_saved=key in rows,
        default=default, type="number", choices=None, minimum=None, maximum=None, text="…", effect=effect, **shown,
    )  # fmt: skip


async def examine() -> DoctorView:
    in_use = [InUseView(kind="tts", name="espeak", detail="speaks en", problem=None)]
    checks = [CheckView(name="database", well=True, detail="SQLite")]
    return DoctorView(
        well=True, version="0", python="3", system="Linux", file=None, in_use=in_use, checks=checks, missing=[]
    )


async def try_out(kind: Kind) -> TryView:
    return TryView(kind=kind, well=True, ms=12.5, text="hello", sound=None)


def key() -> dict[str, str]:
    """The header of a create that nobody has sent before."""
    return {"Idempotency-Key": secrets.token_hex(16)}
