"""The first start makes one administrator and a link; later ones make nothing."""

from __future__ import annotations

import asyncio

import pytest

from accounts.house import HOME, PASSWORD, Watch, accounts, come_in, person
from vivavoce.accounts.links import Link
from vivavoce.errors import Unauthorised
from vivavoce.storage.clock import MINUTE
from vivavoce.storage.database import Database

pytestmark = pytest.mark.real


async def test_processes_that_start_at_once_make_one_administrator_and_one_comes_in(database: Database) -> None:
    watch = Watch()
    houses = [accounts(database, watch) for _ in range(3)]
    links = await asyncio.gather(*(house.first_start.ensure() for house in houses))
    users = (await houses[0].users.page()).items
    assert [(user.name, user.role, user.has_password) for user in users] == [("admin", "admin", False)]
    assert all(isinstance(link, Link) and link.user == users[0].id for link in links)
    entered = 0
    for link in links:
        try:
            await houses[0].credentials.with_link(link.secret if link else "", HOME, PASSWORD)
            entered += 1
        except Unauthorised:
            continue
    assert entered == 1


async def test_as_long_as_nobody_came_in_each_start_prints_another_link(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    first = await house.first_start.ensure()
    watch.on(20 * MINUTE)
    second = await house.first_start.ensure()
    assert first is not None
    assert second is not None
    with pytest.raises(Unauthorised):
        await house.credentials.with_link(first.secret, HOME)
    await house.credentials.with_link(second.secret, HOME)
    assert await house.first_start.ensure() is None


async def test_an_administrator_made_by_command_is_the_one_whose_link_is_printed(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    ada = await person(house, "ada", "admin")
    link = await house.first_start.ensure()
    assert link is not None
    assert link.user == ada.id
    await come_in(house, ada)
    assert await house.first_start.ensure() is None
    assert [user.name for user in (await house.users.page()).items] == ["ada"]


async def test_users_without_an_administrator_get_one_even_if_the_name_is_taken(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    await come_in(house, await person(house, "admin", "user"), PASSWORD)
    assert await house.first_start.ensure() is not None
    roles = {user.name: user.role for user in (await house.users.page()).items}
    assert sorted(roles.values()) == ["admin", "user"]
    assert roles["admin"] == "user"
    assert await house.first_start.ensure() is None
