"""Everything at once that people do with their accounts, in two processes: nobody waits for ever; one whole chain."""

from __future__ import annotations

import asyncio
import random

import pytest

from accounts.house import HOME, PASSWORD, Watch, accounts, come_in, person, whose
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.profile import Profile
from vivavoce.accounts.sign_ins import Grant
from vivavoce.errors import BadInput, Refused
from vivavoce.storage.database import Database

pytestmark = pytest.mark.real


async def one(house: Accounts, user: Profile, grant: Grant, act: int) -> None:
    """One thing; being refused is an answer too, a database that gives up is none."""
    try:
        match act:
            case 0:
                await house.sign_ins.refresh(grant.refresh_token, HOME)
            case 1:
                await house.credentials.with_password(user.name, PASSWORD, HOME)
            case 2:
                await come_in(house, user)
            case 3:
                await house.sign_ins.end_all(LOCAL_OPERATOR, user.id)
            case 4:
                await house.users.change(LOCAL_OPERATOR, user.id, role="operator")
            case 5:
                await house.users.change(LOCAL_OPERATOR, user.id, disabled=True)
            case 6:
                await house.users.change(LOCAL_OPERATOR, user.id, role="user", disabled=False)
            case 7:
                token = await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
                await house.api_tokens.revoke(LOCAL_OPERATOR, user.id, token.view.id)
            case 8:
                await come_in(house, user, PASSWORD)
            case 9:
                await house.users.delete(LOCAL_OPERATOR, user.id)
            case _:
                await whose(house, grant)
    except (BadInput, Refused):
        return


@pytest.mark.parametrize("seed", range(3))
async def test_everything_at_once_from_two_processes(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    watch = Watch()
    houses = [accounts(database, watch), accounts(database, watch)]
    people = [await person(houses[0], f"user{n}") for n in range(2)]
    grants = [await come_in(houses[0], user, PASSWORD) for user in people]
    acts = []
    for _ in range(48):
        n, act = chance.randrange(2), chance.choices(range(11), [8, 6, 6, 3, 3, 2, 4, 4, 3, 0.3, 4])[0]
        acts.append(one(chance.choice(houses), people[n], grants[n], act))
    await asyncio.gather(*acts)
    assert (await houses[1].audit_check.run()).whole
