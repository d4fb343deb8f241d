"""Tokens for scripts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from accounts.house import PASSWORD, Watch, accounts, come_in, person
from vivavoce.accounts.actor import LOCAL_OPERATOR, Actor
from vivavoce.accounts.api_tokens import MOST, new_token, well_formed
from vivavoce.accounts.permissions import TABLE
from vivavoce.errors import BadInput, Missing, Refused, StorageError, Unauthorised
from vivavoce.storage.clock import DAY
from vivavoce.storage.database import Database


async def code_of(house: object, token: str) -> str:
    with pytest.raises(Unauthorised) as refused:
        await house.authenticator.authenticate(token)  # type: ignore[attr-defined]
    return refused.value.code


@pytest.mark.real
async def test_a_token_may_what_role_scopes_and_owner_allow_together(database: Database) -> None:
    house = accounts(database, Watch())
    owner = await person(house, "ada", "operator")
    whole = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "all", "operator")
    small = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "one", "operator", scopes=["metrics"])
    lower = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "user", "user", scopes=["metrics", "talk"])
    read = [await house.authenticator.authenticate(one.token) for one in (whole, small, lower)]
    assert [one.scopes for one in read] == [TABLE["operator"], {"metrics"}, {"talk"}]
    assert {(one.user, one.name, one.via) for one in read} == {(owner.id, "ada", "token")}
    assert read[0].sign_in == whole.view.id
    await house.users.change(LOCAL_OPERATOR, owner.id, role="user")
    assert (await house.authenticator.authenticate(whole.token)).scopes == TABLE["operator"] & TABLE["user"]
    assert (await house.authenticator.authenticate(small.token)).scopes == set()


@pytest.mark.real
async def test_nobody_makes_a_token_beyond_the_owners_role_or_the_longest_life(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    owner = await person(house, "ada", "operator")
    with pytest.raises(Refused):
        await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "admin")
    for days in (0, -1, 366):
        with pytest.raises(BadInput):
            await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user", days=days)
    with pytest.raises(BadInput):
        await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user", scopes=["everything"])  # type: ignore[list-item]
    with pytest.raises(BadInput):
        await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "root")  # type: ignore[arg-type]


@pytest.mark.real
async def test_a_token_makes_none_that_may_more_than_itself(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    owner = await person(house, "ada", "operator")
    small = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "operator", scopes=["self", "talk"])
    me = Actor(await house.authenticator.authenticate(small.token))
    for role, scopes in (("operator", []), ("user", []), ("operator", ["self", "metrics"])):
        with pytest.raises(Refused):
            await house.api_tokens.create(me, owner.id, "y", role, scopes=scopes)
    await house.api_tokens.create(me, owner.id, "y", "user", scopes=["talk"])


@pytest.mark.real
async def test_a_token_ends_on_its_day(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    owner = await person(house, "ada")
    made = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user", days=2)
    watch.on(2 * DAY - 1)
    await house.authenticator.authenticate(made.token)
    assert await house.api_tokens.of(owner.id) == [made.view]
    watch.on(1)
    assert await code_of(accounts(sqlite, watch), made.token) == "token_expired"
    assert await house.api_tokens.of(owner.id) == []


@pytest.mark.real
async def test_a_revoked_token_is_refused_at_once_and_only_its_owner_can_name_it(database: Database) -> None:
    house = accounts(database, Watch())
    ada, bob = await person(house, "ada"), await person(house, "bob")
    made = await house.api_tokens.create(LOCAL_OPERATOR, ada.id, "x", "user")
    other = await house.api_tokens.create(LOCAL_OPERATOR, ada.id, "y", "user")
    await house.authenticator.authenticate(made.token)
    for owner, token in ((bob.id, made.view.id), (ada.id, "0" * 32), (ada.id, "' OR 1=1 --"), (ada.id, "\0")):
        with pytest.raises(Missing):
            await house.api_tokens.revoke(LOCAL_OPERATOR, owner, token)
    await house.api_tokens.revoke(LOCAL_OPERATOR, ada.id, made.view.id)
    assert house.authenticator.known(made.token) is None
    assert await code_of(house, made.token) == "token_revoked"
    assert [one.id for one in await house.api_tokens.of(ada.id)] == [other.view.id]
    with pytest.raises(Missing):
        await house.api_tokens.revoke(LOCAL_OPERATOR, ada.id, made.view.id)


@pytest.mark.real
async def test_when_a_token_was_used_last_is_written_down_now_and_then(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    owner = await person(house, "ada")
    made = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")
    watch.on(1234)
    await house.authenticator.authenticate(made.token)
    await house.api_tokens.note_use()
    (view,) = await house.api_tokens.of(owner.id)
    assert view.last_used_at == watch()


@pytest.mark.real
async def test_nobody_has_more_than_fifty(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    owner = await person(house, "ada")
    made = [await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user") for _ in range(MOST)]
    with pytest.raises(Refused):
        await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")
    await house.api_tokens.revoke(LOCAL_OPERATOR, owner.id, made[0].view.id)
    await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")


@pytest.mark.real
async def test_signing_out_everywhere_leaves_the_scripts_running(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    owner = await person(house, "ada")
    await come_in(house, owner, PASSWORD)
    made = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")
    await house.sign_ins.end_all(LOCAL_OPERATOR, owner.id)
    await house.authenticator.authenticate(made.token)


@pytest.mark.real
async def test_a_mistyped_token_asks_no_database(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    owner = await person(house, "ada")
    token = (await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")).token
    await sqlite.readers.dispose()
    for at in range(3, len(token)):
        bent = token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :]
        assert not well_formed(bent)
        assert await code_of(house, bent) == "token_invalid"


@given(st.text())
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert not well_formed("vv_" + text)


def test_a_token_has_the_form_that_scanners_for_secrets_are_told() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(well_formed(one) and len(one) == 3 + 43 + 6 for one in tokens)


@pytest.mark.real
async def test_two_processes_that_note_many_tokens_in_other_orders_do_not_hinder_each_other(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    owner = await person(here, "ada")
    made = [(await here.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")).token for _ in range(MOST)]
    watch.on(99)
    for round_ in range(5):
        for one, other in zip(made, reversed(made), strict=True):
            await here.api_tokens.check(one)
            await there.api_tokens.check(other)
        watch.on(round_)
        await asyncio.gather(here.api_tokens.note_use(), there.api_tokens.note_use())
    assert all(view.last_used_at for view in await here.api_tokens.of(owner.id))


@pytest.mark.real
async def test_use_that_could_not_be_noted_is_noted_next_time(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    owner = await person(house, "ada")
    made = await house.api_tokens.create(LOCAL_OPERATOR, owner.id, "x", "user")
    await house.api_tokens.check(made.token)
    async with sqlite.writing() as session:
        await session.execute(text("ALTER TABLE api_tokens RENAME TO away"))
    with pytest.raises(StorageError):
        await house.api_tokens.note_use()
    async with sqlite.writing() as session:
        await session.execute(text("ALTER TABLE away RENAME TO api_tokens"))
    await house.api_tokens.note_use()
    (view,) = await house.api_tokens.of(owner.id)
    assert view.last_used_at == watch()
