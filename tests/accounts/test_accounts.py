"""What is done each minute."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from accounts.house import Watch, accounts, come_in, person
from vivavoce.accounts.actor import LOCAL_OPERATOR, Actor
from vivavoce.errors import Conflict, Missing
from vivavoce.storage.clock import DAY
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditCheckpoint, KnownNetwork, OneTimeSecret, SignIn

pytestmark = pytest.mark.real


async def test_what_has_run_out_goes_and_what_is_due_is_done(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    user = await person(house, "ada")
    await come_in(house, user)
    await house.links.issue(LOCAL_OPERATOR, user.id)
    token = await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
    watch.on(61 * DAY)
    await house.authenticator.authenticate(token.token)
    await house.tidy()
    async with database.reading() as session:
        for table in (SignIn, OneTimeSecret, KnownNetwork):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
        assert await session.scalar(select(func.count()).select_from(AuditCheckpoint)) == 1
    (view,) = await house.api_tokens.of(user.id)
    assert view.last_used_at == watch()


async def test_a_chore_that_fails_keeps_none_of_the_others(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    ada, bob = await person(house, "ada"), await person(house, "bob")
    fails = True

    async def clearing(actor: Actor, user_id: str) -> None:
        if fails:
            raise Conflict("not now")

    house.users.before_delete(clearing)
    with pytest.raises(Conflict):
        await house.users.delete(LOCAL_OPERATOR, ada.id)
    await house.tidy()
    assert (await house.users.get(ada.id)).disabled
    fails = False
    await house.tidy()
    with pytest.raises(Missing):
        await house.users.get(ada.id)
    assert await house.users.get(bob.id) == bob
