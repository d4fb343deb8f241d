"""Keys: made once, rotated, noticed by others, sealed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from accounts.house import Watch, accounts, come_in, person, whose
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.audit import Filter
from vivavoce.accounts.keys import CHECKPOINTS, GRACE, LIFE, REFRESH
from vivavoce.app.settings.values import Accounts as Options
from vivavoce.errors import StorageError, Unauthorised
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.clock import SECOND
from vivavoce.storage.database import Database
from vivavoce.storage.models import SigningKey
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real


async def test_processes_that_start_at_once_make_one_key_of_each(database: Database) -> None:
    watch = Watch()
    houses = [accounts(database, watch) for _ in range(4)]
    keys = await asyncio.gather(*(house.keys.signer() for house in houses))
    assert len({key.secret for key in keys}) == 1
    for name in (REFRESH, CHECKPOINTS):
        assert len(set(await asyncio.gather(*(house.keys.fixed(name) for house in houses)))) == 1
    assert len((await houses[0].audit.page(Filter(what="keys.rotate"))).items) == 1


async def test_after_a_rotation_the_old_key_verifies_a_quarter_of_an_hour_and_signs_no_more(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    old = await house.keys.signer()
    watch.on(SECOND)
    new = await house.keys.rotate(LOCAL_OPERATOR)
    assert await house.keys.signer() == new != old
    watch.on(GRACE - 1)
    assert await house.keys.verifier(old.kid) == old.secret
    watch.on(1)
    assert await house.keys.verifier(old.kid) is None
    assert await house.keys.verifier(new.kid) == new.secret


async def test_a_token_by_a_new_key_is_believed_by_a_process_that_had_not_heard_of_it(sqlite: Database) -> None:
    watch = Watch()
    here, there = accounts(sqlite, watch), accounts(sqlite, watch)
    grant = await come_in(here, await person(here, "ada"))
    await whose(there, grant)  # which has read the keys now
    await here.keys.rotate(LOCAL_OPERATOR)
    fresh = await here.access.issue(grant.user.id, grant.sign_in, "user", 0)
    async with asyncio.timeout(3):
        while True:
            try:
                assert (await there.authenticator.authenticate(fresh)).user == grant.user.id
                return
            except Unauthorised:  # looked less than a second ago
                await asyncio.sleep(0.1)


async def test_a_key_of_ninety_days_is_replaced_by_one_process(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    old = await here.keys.signer()
    await there.keys.signer()
    watch.on(LIFE - 1)
    assert await here.keys.signer() == old
    watch.on(1)
    new = await asyncio.gather(here.keys.signer(), there.keys.signer())
    assert new[0] == new[1] != old


async def test_nothing_but_a_kid_of_our_form_is_a_verifier(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    await house.keys.fixed(REFRESH)
    await house.keys.fixed(CHECKPOINTS)
    for kid in (REFRESH, CHECKPOINTS, "", "0" * 16, "0" * 17, "\0", "x" * 10_000):
        assert await house.keys.verifier(kid) is None


class Turned(Plain):
    """A sealer that turns bytes round: enough to see that nothing is stored as it is, and where it may stand."""

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        return f"{scope}|{place}|".encode() + plain[::-1]

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        mark = f"{scope}|{place}|".encode()
        if not stored.startswith(mark):
            raise StorageError("it stands elsewhere")
        return stored[len(mark) :][::-1]


async def test_keys_are_sealed_each_in_its_place(sqlite: Database) -> None:
    house = Accounts.make(sqlite, MemoryCache(), MemoryBus(), Turned(), Options(), Watch())
    secret = (await house.keys.signer()).secret
    lasting = await house.keys.fixed(REFRESH)
    async with sqlite.writing() as session:
        rows = {row.kid: row for row in await session.scalars(select(SigningKey))}
        assert not any(secret in row.secret or lasting in row.secret for row in rows.values())
        kid = next(kid for kid in rows if kid != REFRESH)
        rows[kid].secret, rows[REFRESH].secret = rows[REFRESH].secret, rows[kid].secret
    other = Accounts.make(sqlite, MemoryCache(), MemoryBus(), Turned(), Options(), Watch())
    with pytest.raises(StorageError):
        await other.keys.signer()
