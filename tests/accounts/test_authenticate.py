"""From a token to a principal, and how quickly a revocation reaches whoever remembers one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from accounts.house import Watch, accounts, actor, come_in, person, whose
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.authenticate import REMEMBER_S, Authenticator
from vivavoce.aio import settle, spawn
from vivavoce.errors import StorageUnavailable, Unauthorised
from vivavoce.storage.bus import open_bus
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.clock import SECOND
from vivavoce.storage.database import Database
from vivavoce.testing import services
from vivavoce.testing.services import Service

pytestmark = pytest.mark.real


@asynccontextmanager
async def running(house: Accounts) -> AsyncIterator[Accounts]:
    """As a server has it."""
    async with asyncio.TaskGroup() as group:
        task = spawn(group, house.run(), "accounts")
        await asyncio.sleep(0)
        try:
            yield house
        finally:
            await settle(task)


class DeafBus(MemoryBus):
    """A bus that delivers nothing and knows it after a while."""

    silent_s = 0.0

    async def publish(self, channel: str, payload: bytes) -> None:
        raise StorageUnavailable("away")


async def test_what_was_verified_is_known_until_it_is_revoked(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    grant, other = await come_in(house, user), await come_in(house, user)
    assert house.authenticator.known(grant.access_token) is None
    principal = await whose(house, grant)
    await whose(house, other)
    assert house.authenticator.known(grant.access_token) is principal
    await house.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)
    assert house.authenticator.known(grant.access_token) is None
    assert house.authenticator.known(other.access_token) is not None
    with pytest.raises(Unauthorised) as refused:
        await whose(house, grant)
    assert refused.value.code == "token_revoked"


async def test_nothing_is_known_for_longer_than_a_minute_or_than_it_lives(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    grant = await come_in(house, await person(house, "ada"))
    remembered = house.authenticator
    await remembered.authenticate(grant.access_token)
    loop = asyncio.get_running_loop()
    assert remembered.known(grant.access_token, loop.time() + REMEMBER_S - 1) is not None
    assert remembered.known(grant.access_token, loop.time() + REMEMBER_S) is None
    watch.on(620 * SECOND)  # ten seconds of its leeway are left
    late = accounts(sqlite, watch).authenticator
    await late.authenticate(grant.access_token)
    assert late.known(grant.access_token, loop.time() + 9) is not None
    assert late.known(grant.access_token, loop.time() + 10) is None


async def test_a_known_token_asks_no_database(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    grant = await come_in(house, await person(house, "ada"))
    principal = await whose(house, grant)
    await sqlite.readers.dispose()
    assert house.authenticator.known(grant.access_token) is principal
    assert await whose(house, grant) is principal


async def test_with_a_bus_that_has_proved_nothing_for_five_seconds_the_database_is_asked_each_time(
    sqlite: Database,
) -> None:
    bus = DeafBus()
    bus.silent_s = 5.1
    watch = Watch()
    here, there = accounts(sqlite, watch, bus=bus), accounts(sqlite, watch, bus=bus)
    user = await person(here, "ada")
    grant = await come_in(here, user)
    await whose(there, grant)
    assert there.authenticator.known(grant.access_token) is None
    await here.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)  # nobody hears of it
    with pytest.raises(Unauthorised):
        await whose(there, grant)


async def test_a_bus_that_falls_silent_is_relied_on_until_the_five_seconds_are_over(sqlite: Database) -> None:
    bus = DeafBus()
    house = accounts(sqlite, Watch(), bus=bus)
    grant = await come_in(house, await person(house, "ada"))
    await whose(house, grant)
    bus.silent_s = 4.0
    at = asyncio.get_running_loop().time()
    assert house.authenticator.known(grant.access_token, at) is not None
    assert house.authenticator.known(grant.access_token, at + 0.9) is not None
    bus.silent_s = 5.1
    assert house.authenticator.known(grant.access_token, at + 1.1) is None
    bus.silent_s = 0.2
    assert house.authenticator.known(grant.access_token, at + 1.2) is not None


async def test_what_the_bus_loses_is_found_by_looking(database: Database) -> None:
    """As a command on the same machine has no bus to a server that keeps everything in itself."""
    watch = Watch()
    server, command = accounts(database, watch), accounts(database, watch)
    user = await person(command, "ada")
    told: list[tuple[str, str | None]] = []
    server.revocations.watch(lambda who, sign_in: told.append((who, sign_in)))
    await server.revocations.look()
    grant, other = await come_in(command, user), await come_in(command, user)
    token = await command.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
    for one in (grant, other):
        await whose(server, one)
    await server.authenticator.authenticate(token.token)
    await server.revocations.look()
    assert told == []
    await command.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)
    await command.api_tokens.revoke(LOCAL_OPERATOR, user.id, token.view.id)
    await server.revocations.look()
    assert told == [(user.id, grant.sign_in), (user.id, token.view.id)]
    assert server.authenticator.known(grant.access_token) is None
    assert server.authenticator.known(token.token) is None
    assert server.authenticator.known(other.access_token) is not None
    await command.users.change(LOCAL_OPERATOR, user.id, disabled=True)
    await command.users.delete(LOCAL_OPERATOR, user.id)
    await server.revocations.look()
    assert told[2:] == [(user.id, None)] * 3
    assert server.authenticator.known(other.access_token) is None
    await server.revocations.look()
    assert len(told) == 5


async def test_a_running_server_looks_by_itself_each_second(sqlite: Database) -> None:
    watch = Watch()
    server, command = accounts(sqlite, watch), accounts(sqlite, watch)
    user = await person(command, "ada")
    grant = await come_in(command, user)
    closed = asyncio.Event()
    async with running(server):
        server.revocations.watch(lambda who, sign_in: closed.set())
        await server.revocations.look()
        await whose(server, grant)
        await command.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)
        async with asyncio.timeout(2):
            await closed.wait()
        assert server.authenticator.known(grant.access_token) is None


async def test_revocation_reaches_the_other_process_within_a_second(database: Database, redis_url: str) -> None:
    watch = Watch()
    async with open_bus(redis_url) as one, open_bus(redis_url) as two:
        here, there = accounts(database, watch, bus=one), accounts(database, watch, bus=two)
        user = await person(here, "ada")
        grant = await come_in(here, user)
        closed = asyncio.Event()
        async with running(here), running(there):
            there.revocations.watch(lambda who, sign_in: closed.set())
            await whose(there, grant)
            await here.sign_ins.sign_out(await actor(here, grant))
            async with asyncio.timeout(1):
                await closed.wait()
            assert there.authenticator.known(grant.access_token) is None
            with pytest.raises(Unauthorised):
                await whose(there, grant)


async def test_with_redis_dead_a_revocation_is_in_force_within_five_seconds(
    sqlite: Database, redis_server: Service
) -> None:
    watch = Watch()
    with services.redis() as server:  # one of its own, to be killed
        async with open_bus(server.url) as one, open_bus(server.url) as two:
            here, there = accounts(sqlite, watch, bus=one), accounts(sqlite, watch, bus=two)
            user = await person(here, "ada")
            grant = await come_in(here, user)
            async with running(here), running(there):
                await whose(there, grant)
                server.kill()
                await here.sign_ins.sign_out(await actor(here, grant))
                async with asyncio.timeout(5):
                    while there.authenticator.known(grant.access_token) is not None:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                with pytest.raises(Unauthorised):
                    await whose(there, grant)


async def test_an_answer_under_way_while_somebody_is_revoked_is_not_remembered(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    grant = await come_in(house, user)
    asking = asyncio.gather(*(house.authenticator.authenticate(grant.access_token) for _ in range(3)))
    await house.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)
    await asyncio.gather(asking, return_exceptions=True)
    assert house.authenticator.known(grant.access_token) is None


async def test_the_token_verified_longest_ago_goes_when_there_are_too_many(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    small = Authenticator(house.commons, house.access, house.api_tokens, most=2)
    user = await person(house, "ada")
    grants = [await come_in(house, user) for _ in range(3)]
    for grant in grants:
        await small.authenticate(grant.access_token)
    assert [small.known(grant.access_token) is not None for grant in grants] == [False, True, True]
