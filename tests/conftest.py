"""Every test that is a coroutine function runs in virtual time and must leave no task behind.

A test marked `journey` or `real` runs in real time on an ordinary loop, with the same check. A fixture may be an
asynchronous generator: it is entered and left in the test's own loop and task, around the test; only coroutine tests
and other such fixtures can use it.

What tests of stores are given:

    database        migrated and empty, in SQLite and in PostgreSQL: each test that takes it runs twice
    sqlite          the same, only in SQLite
    database_url, sqlite_url, postgres_url              addresses of such databases, for whoever opens them itself
    bare_url        of a database without any table, in SQLite and in PostgreSQL
    postgres_server, redis_server, redis_url            one server for all tests, begun when the first one asks

A test that needs a server carries its mark (`postgresql`, `redis`, `nginx`) by itself when it names such a fixture;
`script/test` leaves a mark out where there is no such server, and says so.
"""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.migrate import upgrade
from vivavoce.testing import services, virtual

settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


async def _real(work: Any) -> None:
    await virtual.watched(asyncio.wait_for(work, 120))


@dataclass(frozen=True, eq=False)
class _Later:
    """An asynchronous fixture before the test's loop runs."""

    make: Callable[..., AsyncGenerator[Any, None]]
    arguments: dict[str, Any]


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    if not inspect.isasyncgenfunction(fixturedef.func):
        return None
    later = _Later(fixturedef.func, {name: request.getfixturevalue(name) for name in fixturedef.argnames})
    fixturedef.cached_result = (later, fixturedef.cache_key(request), None)
    return later


async def _with_fixtures(test: Callable[..., Any], funcargs: dict[str, Any], names: tuple[str, ...]) -> None:
    async with AsyncExitStack() as stack:
        entered: dict[_Later, Any] = {}

        async def value(given: Any) -> Any:
            if not isinstance(given, _Later):
                return given
            if given not in entered:
                arguments = {name: await value(one) for name, one in given.arguments.items()}
                entered[given] = await stack.enter_async_context(asynccontextmanager(given.make)(**arguments))
            return entered[given]

        ready = {name: await value(given) for name, given in funcargs.items()}
        await test(**{name: ready[name] for name in names})


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    work = _with_fixtures(pyfuncitem.obj, pyfuncitem.funcargs, tuple(pyfuncitem._fixtureinfo.argnames))
    if pyfuncitem.get_closest_marker("journey") or pyfuncitem.get_closest_marker("real"):
        asyncio.run(_real(work))
    else:
        virtual.run(work)
    return True


# ── servers ───────────────────────────────────────────────────────────────────────────────────────

_MARKS = {
    "postgres_server": "postgresql",
    "postgres_url": "postgresql",
    "bare_postgres_url": "postgresql",
    "redis_server": "redis",
    "redis_url": "redis",
}


@pytest.hookimpl(tryfirst=True)  # before `-m` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            if name in _MARKS:
                item.add_marker(_MARKS[name])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Service]:
    with services.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[services.Service]:
    with services.redis() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: services.Service) -> str:
    """Of a Redis with nothing in it."""
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


# ── databases ─────────────────────────────────────────────────────────────────────────────────────


async def _migrate(url: str) -> None:
    async with Database.open(url) as database:
        await upgrade(database)


async def _administer(url: str, statement: str) -> None:
    """Outside of a transaction, as CREATE DATABASE wants it."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.execute(text(statement))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "vivavoce.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: services.Service) -> str:
    asyncio.run(_administer(postgres_server.url, "CREATE DATABASE migrated"))
    asyncio.run(_migrate(_on(postgres_server, "migrated")))
    return "migrated"


@pytest.fixture
def postgres_url(postgres_server: services.Service, postgres_template: str) -> Iterator[str]:
    yield from _fresh_postgres(postgres_server, postgres_template)


@pytest.fixture
def bare_postgres_url(postgres_server: services.Service) -> Iterator[str]:
    yield from _fresh_postgres(postgres_server, "template0")


def _fresh_postgres(server: services.Service, template: str) -> Iterator[str]:
    name = f"test_{new_id()}"
    asyncio.run(_administer(server.url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _on(server, name)
    asyncio.run(_administer(server.url, f"DROP DATABASE {name} WITH (FORCE)"))


def _on(server: services.Service, name: str) -> str:
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)


_TWINS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@pytest.fixture(params=_TWINS)
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture(params=_TWINS)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    url: str = request.getfixturevalue("bare_postgres_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    async with Database.open(database_url) as opened:
        yield opened


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncGenerator[Database, None]:
    async with Database.open(sqlite_url) as opened:
        yield opened
