"""Coming in by password or by link, and one's own password."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from accounts.house import ELSEWHERE, HOME, PASSWORD, Watch, accounts, actor, come_in, person, whose
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR, Whence
from vivavoce.accounts.audit import Filter
from vivavoce.accounts.credentials import AUDITED
from vivavoce.accounts.passwords import argon2id
from vivavoce.app.settings.values import Accounts as Options
from vivavoce.errors import BadInput, Missing, RateLimited, Refused, Unauthorised
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.clock import DAY, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import OneTimeSecret, User
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real

NEW = "walnut shells in winter"


async def wrong(house: Accounts, name: str = "ada", whence: Whence = ELSEWHERE) -> str:
    """What somebody is told who guesses."""
    with pytest.raises(Unauthorised) as refused:
        await house.credentials.with_password(name, "a wrong password", whence)
    assert refused.value.code == "sign_in_failed"
    return str(refused.value)


async def test_a_name_and_its_password_let_in_whatever_the_case_of_the_name(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada", "operator")
    await come_in(house, user, PASSWORD)
    grant = await house.credentials.with_password(" ADA ", PASSWORD, HOME)
    assert (grant.user.id, grant.user.has_password) == (user.id, True)
    assert (await whose(house, grant)).role == "operator"


async def test_unknown_user_costs_the_same(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    ada, bob = await person(house, "ada"), await person(house, "bob")
    await come_in(house, ada, PASSWORD)
    await come_in(house, await person(house, "eve"), PASSWORD)
    eve = await house.users.by_name("eve")
    await house.users.change(LOCAL_OPERATOR, eve.id, disabled=True)
    told, cost = set(), []
    for name in ("ada", "bob", "nobody", "eve", "", "x" * 10_000, "\0", "ada\ud800"):
        before = house.passwords.hashed
        told.add(await wrong(house, name, Whence("203.0.113.5")))
        cost.append(house.passwords.hashed - before)
    assert not bob.has_password
    assert (len(told), set(cost)) == (1, {1})
    assert await house.audit.page(Filter(what="sign_in"))


async def test_the_right_password_of_somebody_disabled_is_told_as_a_wrong_one(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    await come_in(house, user, PASSWORD)
    await house.users.change(LOCAL_OPERATOR, user.id, disabled=True)
    with pytest.raises(Unauthorised) as refused:
        await house.credentials.with_password("ada", PASSWORD, HOME)
    assert str(refused.value) == await wrong(house)


async def test_attacker_cannot_lock_owner_out(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await come_in(house, await person(house, "ada"), PASSWORD)  # from HOME
    tries = 0
    for n in range(140):
        try:
            await wrong(house, "ada", Whence(f"198.51.{n % 130}.9"))
            tries += 1
        except RateLimited:
            pass
    assert tries >= 100  # the whole account is slowed by now
    grant = await house.credentials.with_password("ada", PASSWORD, HOME)
    with pytest.raises(RateLimited):
        await house.credentials.with_password("ada", PASSWORD, Whence("203.0.113.77"))
    assert (await whose(house, grant)).name == "ada"


async def test_a_network_is_trusted_for_a_month_after_the_last_success(sqlite: Database) -> None:
    watch = Watch()
    cache = MemoryCache()
    house = accounts(sqlite, watch, cache=cache)
    await come_in(house, await person(house, "ada"), PASSWORD)

    async def sieged() -> bool:
        for n in range(120):
            try:
                await wrong(house, "ada", Whence(f"198.51.{n}.9"))
            except RateLimited:
                break
        try:
            await house.credentials.with_password("ada", PASSWORD, HOME)
        except RateLimited:
            return False
        return True

    assert await sieged()
    watch.on(29 * DAY)
    assert await sieged()  # which renews it
    watch.on(31 * DAY)
    assert not await sieged()


async def test_a_hundred_guesses_an_hour_are_written_down_and_the_name_that_was_typed_never(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    for n in range(AUDITED + 20):
        await wrong(house, f"my password is {n}", Whence(f"198.51.{n}.9"))
    rows = await house.audit.after(Filter(what="sign_in"), 0)
    assert len(rows) == AUDITED
    assert [entry.detail["last_of_this_hour"] for entry in rows[-2:]] == [None, True]
    assert {(entry.actor_name, entry.object_id, entry.outcome) for entry in rows} == {("guest", "", "refused")}
    watch.on(60 * MINUTE)
    await wrong(house, "again")
    assert len(await house.audit.after(Filter(what="sign_in"), 0)) == AUDITED + 1


async def test_a_password_is_hashed_anew_at_the_next_sign_in_when_the_parameters_grew(sqlite: Database) -> None:
    watch = Watch()
    weak = accounts(sqlite, watch)
    user = await person(weak, "ada")
    await come_in(weak, user, PASSWORD)
    strong = Accounts.make(sqlite, MemoryCache(), MemoryBus(), Plain(), Options(), watch, hasher=argon2id(128, 2))

    async def stored() -> str:
        async with sqlite.reading() as session:
            found = await session.scalar(select(User.password).where(User.id == user.id))
        assert found
        return found

    before = await stored()
    await strong.credentials.with_password("ada", PASSWORD, HOME)
    assert "m=128,t=2" in await stored() != before
    await strong.credentials.with_password("ada", PASSWORD, HOME)


async def test_first_link_once_and_not_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    house = accounts(database, Watch())
    link = await house.first_start.ensure()
    assert link is not None
    grant = await house.credentials.with_link(link.secret, HOME)
    assert (grant.user.name, grant.user.role, grant.user.has_password) == ("admin", "admin", False)
    with pytest.raises(Unauthorised) as refused:
        await house.credentials.with_link(link.secret, HOME)
    assert refused.value.code == "link_invalid"
    assert link.secret not in caplog.text
    assert grant.refresh_token not in caplog.text


async def test_after_a_clock_was_set_back_guesses_are_written_down_again(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    for n in range(AUDITED + 1):
        with pytest.raises(Unauthorised):
            await house.credentials.with_password(f"nobody{n}", "a guess that is wrong", Whence(f"198.51.{n}.9"))
    watch.on(-DAY)
    with pytest.raises(Unauthorised):
        await house.credentials.with_password("nobody", "a guess that is wrong", Whence("192.0.2.7"))
    assert len(await house.audit.after(Filter(what="sign_in"), 0)) == AUDITED + 1


async def test_a_link_ends_after_a_quarter_of_an_hour(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    link = await house.links.issue(LOCAL_OPERATOR, user.id)
    assert link.expires_at == watch() + 15 * MINUTE
    watch.on(15 * MINUTE)
    with pytest.raises(Unauthorised):
        await house.credentials.with_link(link.secret, HOME)


async def test_two_who_open_one_link_at_once_are_one(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    user = await person(here, "ada")
    link = await here.links.issue(LOCAL_OPERATOR, user.id)
    answers = await asyncio.gather(
        *(one.credentials.with_link(link.secret, HOME) for one in (here, there) * 3), return_exceptions=True
    )
    assert sum(not isinstance(answer, Unauthorised) for answer in answers) == 1
    assert len(await here.sign_ins.of(user.id)) == 1


async def test_a_used_link_makes_all_other_links_of_the_person_void(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    links = [await house.links.issue(LOCAL_OPERATOR, user.id) for _ in range(3)]
    others = await house.links.issue(LOCAL_OPERATOR, (await person(house, "bob")).id)
    await house.credentials.with_link(links[1].secret, HOME)
    for link in links:
        with pytest.raises(Unauthorised):
            await house.credentials.with_link(link.secret, HOME)
    await house.credentials.with_link(others.secret, HOME)


async def test_a_weak_password_does_not_use_the_link_up(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    link = await house.links.issue(LOCAL_OPERATOR, (await person(house, "ada")).id)
    with pytest.raises(BadInput) as weak:
        await house.credentials.with_link(link.secret, HOME, "password1234")
    assert weak.value.code == "password_weak"
    assert (await house.credentials.with_link(link.secret, HOME, PASSWORD)).user.has_password


async def test_a_reset_needs_a_new_password_and_ends_every_sign_in_of_before(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    before = await come_in(house, user, PASSWORD)
    link = await house.links.issue(LOCAL_OPERATOR, user.id, "reset")
    await house.credentials.with_password("ada", PASSWORD, HOME)  # a reset that nobody takes up changes nothing
    with pytest.raises(BadInput) as needed:
        await house.credentials.with_link(link.secret, HOME)
    assert needed.value.code == "password_needed"
    after = await house.credentials.with_link(link.secret, HOME, NEW)
    assert [one.id for one in await house.sign_ins.of(user.id)] == [after.sign_in]
    with pytest.raises(Unauthorised):
        await whose(house, before)
    with pytest.raises(Unauthorised):
        await house.credentials.with_password("ada", PASSWORD, HOME)
    await house.credentials.with_password("ada", NEW, HOME)


async def test_a_link_is_of_no_use_to_somebody_disabled(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    link = await house.links.issue(LOCAL_OPERATOR, user.id)
    await house.users.change(LOCAL_OPERATOR, user.id, disabled=True)
    with pytest.raises(Unauthorised):
        await house.credentials.with_link(link.secret, HOME)
    with pytest.raises(Missing):
        await house.links.issue(LOCAL_OPERATOR, user.id)


async def test_secrets_are_stored_as_hashes_only(sqlite: Database, sqlite_url: str) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada")
    link = await house.links.issue(LOCAL_OPERATOR, user.id)
    grant = await come_in(house, user, PASSWORD)
    token = await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
    left = await house.links.issue(LOCAL_OPERATOR, user.id)
    async with sqlite.reading() as session:
        assert await session.scalar(select(OneTimeSecret.hash)) is not None
    from pathlib import Path

    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    stored = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    for secret in (link.secret, left.secret, grant.refresh_token, token.token, PASSWORD):
        assert secret.encode() not in stored


async def test_changing_the_own_password_ends_all_other_sign_ins(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    mine = await come_in(house, user, PASSWORD)
    other = await house.credentials.with_password("ada", PASSWORD, HOME)
    await house.credentials.change_password(await actor(house, mine), PASSWORD, NEW)
    assert (await whose(house, mine)).user == user.id
    with pytest.raises(Unauthorised):
        await whose(house, other)
    await house.credentials.with_password("ada", NEW, HOME)
    acts = [entry.act for entry in (await house.audit.page(Filter(who=user.id, what="password."))).items]
    assert acts == ["password.change", "password.change"]


async def test_the_old_password_is_asked_for_and_guessing_it_is_slowed(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    mine = await come_in(house, await person(house, "ada"), PASSWORD)
    me = await actor(house, mine)
    for _ in range(5):
        with pytest.raises(BadInput) as wrong_one:
            await house.credentials.change_password(me, "a wrong password", NEW)
        assert wrong_one.value.code == "password_wrong"
    with pytest.raises(RateLimited):
        await house.credentials.change_password(me, PASSWORD, NEW)


async def test_a_first_password_needs_a_young_sign_in(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    old, young = await come_in(house, user), None
    watch.on(15 * MINUTE)
    old = await house.sign_ins.refresh(old.refresh_token, HOME)
    with pytest.raises(Refused) as again:
        await house.credentials.change_password(await actor(house, old), "", PASSWORD)
    assert again.value.code == "sign_in_again"
    young = await come_in(house, user)
    await house.credentials.change_password(await actor(house, young), "", PASSWORD)
    await house.credentials.with_password("ada", PASSWORD, HOME)
