"""Families of refresh tokens: rotation, the repeat within ten seconds, reuse, ends, and the number of them."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from accounts.house import HOME, PASSWORD, Watch, accounts, actor, come_in, person, whose
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.audit import Filter
from vivavoce.accounts.sign_ins import MOST
from vivavoce.errors import Missing, Unauthorised
from vivavoce.storage.clock import DAY, HOUR, MINUTE, SECOND
from vivavoce.storage.database import Database
from vivavoce.storage.models import SignIn

pytestmark = pytest.mark.real


async def test_a_refresh_gives_new_tokens_and_the_next_one_goes_on_from_there(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    first = await come_in(house, await person(house, "ada"))
    watch.on(MINUTE)
    second = await house.sign_ins.refresh(first.refresh_token, HOME)
    watch.on(MINUTE)
    third = await house.sign_ins.refresh(second.refresh_token, HOME)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert first.sign_in == second.sign_in == third.sign_in
    assert (await whose(house, third)).sign_in == first.sign_in


async def test_refresh_retry_in_10_s_is_idempotent(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    first = await come_in(house, await person(house, "ada"))
    second = await house.sign_ins.refresh(first.refresh_token, HOME)
    watch.on(10 * SECOND)
    again = await house.sign_ins.refresh(first.refresh_token, HOME)
    assert again.refresh_token == second.refresh_token
    watch.on(1)
    with pytest.raises(Unauthorised) as refused:
        await house.sign_ins.refresh(first.refresh_token, HOME)
    assert refused.value.code == "token_revoked"


async def test_a_retry_at_a_process_whose_clock_is_behind_is_no_reuse(sqlite: Database) -> None:
    early, late = Watch(), Watch()
    early.on(-3 * SECOND)
    here, there = accounts(sqlite, late), accounts(sqlite, early)
    first = await come_in(here, await person(here, "ada"))
    second = await here.sign_ins.refresh(first.refresh_token, HOME)
    assert (await there.sign_ins.refresh(first.refresh_token, HOME)).refresh_token == second.refresh_token


async def test_the_parent_is_no_longer_good_once_its_successor_was_used(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    first = await come_in(house, await person(house, "ada"))
    second = await house.sign_ins.refresh(first.refresh_token, HOME)
    await house.sign_ins.refresh(second.refresh_token, HOME)
    with pytest.raises(Unauthorised):
        await house.sign_ins.refresh(first.refresh_token, HOME)


async def test_refresh_reuse_ends_family(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    user = await person(here, "ada")
    stolen = await come_in(here, user)
    other = await come_in(here, user)
    newer = await there.sign_ins.refresh(stolen.refresh_token, HOME)
    newest = await there.sign_ins.refresh(newer.refresh_token, HOME)
    with pytest.raises(Unauthorised):
        await here.sign_ins.refresh(stolen.refresh_token, HOME)
    for gone in (newest, newer, stolen):
        with pytest.raises(Unauthorised) as refused:
            await there.sign_ins.refresh(gone.refresh_token, HOME)
        assert refused.value.code == "token_revoked"
        with pytest.raises(Unauthorised):
            await whose(there, gone)
    told = (await here.audit.page(Filter(what="sign_in.reuse"))).items
    assert [(entry.object_id, entry.outcome, entry.detail["sign_in"]) for entry in told] == [
        (user.id, "refused", stolen.sign_in)
    ]
    await here.sign_ins.refresh(other.refresh_token, HOME)  # the other family lives


async def test_two_processes_that_refresh_at_once_get_the_same_answer(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    first = await come_in(here, await person(here, "ada"))
    answers = await asyncio.gather(*(one.sign_ins.refresh(first.refresh_token, HOME) for one in (here, there) * 4))
    assert len({answer.refresh_token for answer in answers}) == 1


async def test_a_forged_refresh_token_ends_nothing(database: Database) -> None:
    house = accounts(database, Watch())
    grant = await come_in(house, await person(house, "ada"))
    token = grant.refresh_token
    bent = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, 85, 7)]
    for forged in (*bent, "", "x", token[:-1], token + "A", "é" * 86, "\ud800" * 86, token.upper()):
        with pytest.raises(Unauthorised) as refused:
            await house.sign_ins.refresh(forged, HOME)
        assert refused.value.code == "token_invalid"
    await house.sign_ins.refresh(token, HOME)


@pytest.mark.parametrize(("role", "idle", "whole"), [("user", 14 * DAY, 30 * DAY), ("admin", 12 * HOUR, 7 * DAY)])
async def test_unused_or_old_sign_ins_end(sqlite: Database, role: str, idle: int, whole: int) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada", role)  # type: ignore[arg-type]
    unused = await come_in(house, user)
    kept = await come_in(house, user)
    began = watch.at
    watch.on(idle)
    with pytest.raises(Unauthorised) as refused:
        await house.sign_ins.refresh(unused.refresh_token, HOME)
    assert refused.value.code == "token_expired"
    watch.at = began
    while watch.at + idle // 2 < began + whole:
        watch.on(idle // 2)
        kept = await house.sign_ins.refresh(kept.refresh_token, HOME)
    assert kept.refresh_expires_in_s == (began + whole - watch.at) // SECOND
    watch.at = began + whole
    with pytest.raises(Unauthorised) as refused:
        await house.sign_ins.refresh(kept.refresh_token, HOME)
    assert refused.value.code == "token_expired"


async def test_who_becomes_an_administrator_has_an_administrators_limits(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    grant = await come_in(house, user)
    await house.users.change(LOCAL_OPERATOR, user.id, role="admin")
    watch.on(12 * HOUR)
    with pytest.raises(Unauthorised):
        await house.sign_ins.refresh(grant.refresh_token, HOME)


async def test_beyond_twenty_the_oldest_sign_in_ends(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    user = await person(house, "ada")
    grants = []
    for _ in range(MOST + 2):
        watch.on(SECOND)
        grants.append(await come_in(house, user))
    for gone in grants[:2]:
        with pytest.raises(Unauthorised):
            await whose(house, gone)
    assert [one.id for one in await house.sign_ins.of(user.id)] == [grant.sign_in for grant in reversed(grants[2:])]
    assert len((await house.audit.page(Filter(what="sign_in.end"))).items) == 2


async def test_signing_out_ends_the_own_one_everywhere_and_no_other(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    user = await person(house, "ada")
    mine, other = await come_in(house, user), await come_in(house, user)
    await house.sign_ins.sign_out(await actor(house, mine))
    for tried in (whose(house, mine), house.sign_ins.refresh(mine.refresh_token, HOME)):
        with pytest.raises(Unauthorised):
            await tried
    assert (await whose(house, other)).user == user.id
    assert await house.sign_ins.end_all(LOCAL_OPERATOR, user.id) == 1
    with pytest.raises(Unauthorised):
        await whose(house, other)


async def test_nobody_ends_anothers_sign_in_and_it_looks_as_if_there_were_none(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    ada, bob = await person(house, "ada"), await person(house, "bob")
    hers = await come_in(house, ada)
    asking = await actor(house, await come_in(house, bob))
    messages = []
    for sign_in in (hers.sign_in, "0" * 32):
        with pytest.raises(Missing) as missing:
            await house.sign_ins.end(asking, bob.id, sign_in)
        messages.append(str(missing.value))
    assert messages[0] == messages[1]
    assert (await whose(house, hers)).user == ada.id


async def test_nothing_a_client_brings_becomes_part_of_a_sign_in(sqlite: Database) -> None:
    """Session fixation: whoever holds a token from before the sign-in holds nothing after it."""
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    planted = await come_in(house, user)
    own = await come_in(house, user, PASSWORD)  # setting a password ends what was there before
    assert own.sign_in != planted.sign_in
    with pytest.raises(Unauthorised):
        await house.sign_ins.refresh(planted.refresh_token, HOME)


async def test_only_the_network_of_an_address_is_kept(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    await come_in(house, user)
    (view,) = await house.sign_ins.of(user.id)
    assert (view.address, view.agent) == ("192.0.2.0/24", "Firefox")


async def test_ended_sign_ins_are_forgotten_after_a_month(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    grant = await come_in(house, user)
    await house.sign_ins.end(LOCAL_OPERATOR, user.id, grant.sign_in)
    watch.on(31 * DAY)
    kept = await come_in(house, user)
    await house.sign_ins.sweep()
    async with sqlite.reading() as session:
        assert list(await session.scalars(select(SignIn.id))) == [kept.sign_in]
