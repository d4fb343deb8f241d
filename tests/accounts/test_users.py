"""Users: made, found, changed and deleted; the last administrator stays, whoever asks at the same moment."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.house import HOME, PASSWORD, Watch, accounts, actor, come_in, person, whose
from vivavoce.accounts.actor import LOCAL_OPERATOR, Actor
from vivavoce.accounts.audit import Filter
from vivavoce.accounts.permissions import Role
from vivavoce.errors import BadInput, Conflict, Missing, Refused, StorageUnavailable, Unauthorised
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import News
from vivavoce.storage.database import Database
from vivavoce.storage.models import ApiToken, Blob, Conversation, Deletion, KnownNetwork, OneTimeSecret, SignIn, User

pytestmark = pytest.mark.real


async def test_a_user_is_found_by_id_and_by_name_and_has_no_password_yet(database: Database) -> None:
    house = accounts(database, Watch())
    made = await house.users.create(LOCAL_OPERATOR, " Ada@Example.org ", "operator", " Ada Lovelace ")
    assert (made.name, made.display_name, made.has_password, made.version) == (
        "ada@example.org", "Ada Lovelace", False, 1,
    )  # fmt: skip
    assert await house.users.get(made.id) == made
    assert await house.users.by_name("ADA@example.org") == made
    with pytest.raises(Conflict):
        await house.users.create(LOCAL_OPERATOR, "ada@example.org", "user")


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a-", "ä", "a" * 65, "a\n", "a\0b", "../a", "a/b", "a'--"])
async def test_names_that_nobody_can_have(sqlite: Database, name: str) -> None:
    house = accounts(sqlite, Watch())
    if name.strip() != "a":
        with pytest.raises(BadInput):
            await house.users.create(LOCAL_OPERATOR, name, "user")
    with pytest.raises(Missing):
        await house.users.by_name(name)


async def test_what_is_nowhere_is_missing_whatever_it_looks_like(database: Database) -> None:
    house = accounts(database, Watch())
    for identity in ("0" * 32, "", "x", "\0", "\ud800", "' OR 1=1 --", "A" * 32, "0" * 31 + "\n"):
        with pytest.raises(Missing):
            await house.users.get(identity)
        with pytest.raises(Missing):
            await house.users.change(LOCAL_OPERATOR, identity, disabled=True)
        with pytest.raises(Missing):
            await house.users.delete(LOCAL_OPERATOR, identity)
        with pytest.raises(Missing):
            await house.links.issue(LOCAL_OPERATOR, identity)
        with pytest.raises(Missing):
            await house.api_tokens.create(LOCAL_OPERATOR, identity, "x", "user")


async def test_pages_of_users_and_a_search_in_their_names(database: Database) -> None:
    house = accounts(database, Watch())
    for n in range(5):
        await house.users.create(LOCAL_OPERATOR, f"user{n}", "user", "Grace 100%" if n == 3 else "")
    first = await house.users.page(limit=2)
    second = await house.users.page(limit=2, cursor=first.next)
    last = await house.users.page(limit=2, cursor=second.next)
    assert [one.name for page in (first, second, last) for one in page.items] == [f"user{n}" for n in range(5)]
    assert last.next is None
    assert [one.name for one in (await house.users.page(search="GRACE 100%")).items] == ["user3"]
    for nobody in ("100_", "\0", "\ud800", "' OR 1=1 --"):
        assert (await house.users.page(search=nobody)).items == []
    with pytest.raises(BadInput):
        await house.users.page(cursor="' OR 1=1 --")


async def test_a_change_needs_the_version_it_was_made_from(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    changed = await house.users.change(LOCAL_OPERATOR, user.id, 1, display_name="Ada")
    assert (changed.version, changed.display_name) == (2, "Ada")
    with pytest.raises(Conflict):
        await house.users.change(LOCAL_OPERATOR, user.id, 1, display_name="Eve")
    same = await house.users.change(LOCAL_OPERATOR, user.id, 2, display_name="Ada")
    assert same.version == 2  # nothing changed, so nothing is recorded either
    (entry,) = (await house.audit.page(Filter(what="user.change"))).items
    assert entry.detail == {"fields": "display_name"}


async def test_two_changes_of_one_version_are_one(database: Database) -> None:
    watch = Watch()
    here, there = accounts(database, watch), accounts(database, watch)
    user = await person(here, "ada")
    answers = await asyncio.gather(
        *(
            house.users.change(LOCAL_OPERATOR, user.id, 1, display_name=f"n{n}")
            for n, house in enumerate((here, there) * 3)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 5


async def test_another_role_is_in_force_at_once_and_a_refresh_brings_it(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada", "operator")
    grant = await come_in(house, user)
    assert (await whose(house, grant)).may("sessions.all")
    await house.users.change(LOCAL_OPERATOR, user.id, role="viewer")
    with pytest.raises(Unauthorised) as refused:
        await whose(house, grant)
    assert refused.value.code == "token_expired"  # so that the page refreshes, and does not ask for a sign-in
    fresh = await house.sign_ins.refresh(grant.refresh_token, HOME)
    assert not (await whose(house, fresh)).may("sessions.all")


async def test_who_is_disabled_has_no_way_in_and_finds_no_old_one_when_enabled_again(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    grant = await come_in(house, user, PASSWORD)
    token = await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
    await house.users.change(LOCAL_OPERATOR, user.id, disabled=True)
    for way in (whose(house, grant), house.authenticator.authenticate(token.token)):
        with pytest.raises(Unauthorised):
            await way
    with pytest.raises(Unauthorised):
        await house.sign_ins.refresh(grant.refresh_token, HOME)
    await house.users.change(LOCAL_OPERATOR, user.id, disabled=False)
    with pytest.raises(Unauthorised):
        await house.sign_ins.refresh(grant.refresh_token, HOME)
    await house.credentials.with_password("ada", PASSWORD, HOME)
    await house.authenticator.authenticate(token.token)  # its owner may again, so it may


async def test_the_last_administrator_stays(database: Database) -> None:
    house = accounts(database, Watch())
    only = await person(house, "ada", "admin")
    sleeping = await person(house, "bob", "admin")
    await house.users.change(LOCAL_OPERATOR, sleeping.id, disabled=True)  # counts no longer
    for refused in (
        house.users.change(LOCAL_OPERATOR, only.id, role="user"),
        house.users.change(LOCAL_OPERATOR, only.id, disabled=True),
        house.users.delete(LOCAL_OPERATOR, only.id),
    ):
        with pytest.raises(Refused) as error:
            await refused
        assert error.value.code == "last_admin"
    await house.users.delete(LOCAL_OPERATOR, sleeping.id)
    assert (await house.users.change(LOCAL_OPERATOR, only.id, display_name="Ada")).role == "admin"


@pytest.mark.parametrize("act", ["demote", "disable", "delete", "each another"])
async def test_of_two_administrators_who_remove_each_other_at_once_one_stays(database: Database, act: str) -> None:
    watch = Watch()
    for attempt in range(3):
        here, there = accounts(database, watch), accounts(database, watch)
        ada = await person(here, f"ada{attempt}", "admin")
        bob = await person(here, f"bob{attempt}", "admin")
        acts = {
            "demote": (
                here.users.change(LOCAL_OPERATOR, ada.id, role="user"),
                there.users.change(LOCAL_OPERATOR, bob.id, role="user"),
            ),
            "disable": (
                here.users.change(LOCAL_OPERATOR, ada.id, disabled=True),
                there.users.change(LOCAL_OPERATOR, bob.id, disabled=True),
            ),
            "delete": (here.users.delete(LOCAL_OPERATOR, ada.id), there.users.delete(LOCAL_OPERATOR, bob.id)),
            "each another": (
                here.users.delete(LOCAL_OPERATOR, ada.id),
                there.users.change(LOCAL_OPERATOR, bob.id, role="viewer"),
            ),
        }
        answers = await asyncio.gather(*acts[act], return_exceptions=True)
        for name, pair in acts.items():
            for unused in pair if name != act else ():
                unused.close()
        assert sum(isinstance(answer, Refused) for answer in answers) == 1
        async with database.writing() as session:
            left = list(await session.scalars(select(User).where(User.role == "admin", User.disabled.is_(False))))
            assert len(left) == 1
            await session.delete(left[0])


async def test_deleting_a_user_deletes_everything_of_theirs(database: Database) -> None:
    house = accounts(database, Watch())
    user, other = await person(house, "ada"), await person(house, "bob")
    seen: list[str] = []

    async def clearing(actor: Actor, user_id: str) -> None:
        assert (await house.users.get(user_id)).disabled  # kept out already, and still there
        assert actor == LOCAL_OPERATOR
        seen.append("cleared")

    async def removal(session: AsyncSession, user_id: str) -> None:
        assert await session.get(User, user_id) is not None  # before the row goes
        seen.append("removed")

    house.users.before_delete(clearing)
    house.users.on_delete(removal)
    grant = await come_in(house, user, PASSWORD)
    await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "user")
    await house.links.issue(LOCAL_OPERATOR, user.id)
    async with database.writing() as session:
        for n, owner in enumerate((user.id, other.id)):
            session.add(
                Conversation(
                    id=f"{n:032}", owner_id=owner, channel="web", kind="duplex", language="en", started_at=1, last_at=1
                )
            )
            session.add(Blob(key=f"b{n}", owner_id=owner, state="ready", content_type="audio/ogg", created_at=1))
    await house.users.delete(LOCAL_OPERATOR, user.id)
    assert seen == ["cleared", "removed"]
    with pytest.raises(Unauthorised):
        await whose(house, grant)
    with pytest.raises(Missing):
        await house.users.get(user.id)
    async with database.reading() as session:
        for table in (SignIn, ApiToken, OneTimeSecret, KnownNetwork):
            assert (await session.scalars(select(table))).all() == []
        assert list(await session.scalars(select(Conversation.owner_id))) == [other.id]
        blobs = await session.execute(select(Blob.key, Blob.state).order_by(Blob.key))
        assert [tuple(blob) for blob in blobs] == [("b0", "gone"), ("b1", "ready")]
        assert [(one.kind, one.object_id) for one in await session.scalars(select(Deletion))] == [("user", user.id)]


async def test_a_deletion_that_was_stopped_in_its_middle_is_finished_later(database: Database) -> None:
    house = accounts(database, Watch())
    user, other = await person(house, "ada"), await person(house, "bob")
    grant = await come_in(house, user, PASSWORD)
    away = True

    async def clearing(actor: Actor, user_id: str) -> None:
        if away:
            raise StorageUnavailable("the blobs are away")

    house.users.before_delete(clearing)
    with pytest.raises(StorageUnavailable):
        await house.users.delete(LOCAL_OPERATOR, user.id)
    with pytest.raises(Unauthorised):
        await whose(house, grant)
    with pytest.raises(StorageUnavailable):
        await house.users.finish_deletions()
    away = False
    await house.users.finish_deletions()
    await house.users.finish_deletions()
    assert [one.id for one in (await house.users.page()).items] == [other.id]
    assert len((await house.audit.page(Filter(what="user.delete"))).items) == 1


async def test_a_deletion_that_cannot_be_finished_keeps_nobody_else(database: Database) -> None:
    house = accounts(database, Watch())
    stuck, other = await person(house, "ada"), await person(house, "ben")
    away = {stuck.id, other.id}

    async def clear(_: Actor, user_id: str) -> None:
        if user_id in away:
            raise StorageUnavailable("away")

    house.users.before_delete(clear)
    for user in (stuck, other):
        with pytest.raises(StorageUnavailable):
            await house.users.delete(LOCAL_OPERATOR, user.id)
    away.remove(other.id)
    with pytest.raises(StorageUnavailable):
        await house.users.finish_deletions()
    assert [one.id for one in (await house.users.page()).items] == [stuck.id]


async def test_the_audit_names_nobody_who_is_gone(database: Database) -> None:
    house = accounts(database, Watch())
    user = await person(house, "ada")
    me = await actor(house, await come_in(house, user))
    await house.users.allow_recording(me, True)
    assert {entry.actor_name for entry in (await house.audit.page(Filter(who=user.id))).items} == {"ada"}
    await house.users.delete(LOCAL_OPERATOR, user.id)
    rows = (await house.audit.page(Filter(who=user.id))).items
    assert rows
    assert {(entry.actor_id, entry.actor_name) for entry in rows} == {(user.id, "")}
    assert "ada" not in str((await house.audit.page(Filter())).items)


async def test_recording_is_asked_once_and_the_answer_is_kept_with_its_time(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    user = await person(house, "ada")
    assert user.recording is None
    me = await actor(house, await come_in(house, user))
    assert (await house.users.allow_recording(me, True)).recording is True
    watch.on(5)
    assert (await house.users.allow_recording(me, False)).recording is False
    async with sqlite.reading() as session:
        row = await session.get(User, user.id)
        assert row is not None
        assert row.recording_at == watch()


async def test_whoever_records_somebody_hears_of_the_answer(sqlite: Database) -> None:
    bus = MemoryBus()
    house = accounts(sqlite, Watch(), bus=bus)
    user = await person(house, "ada")
    me = await actor(house, await come_in(house, user))
    await house.live.flush()
    heard: list[dict[str, object]] = []

    def take(news: News) -> None:
        heard.append(json.loads(news.payload))

    async with bus.subscribe("live", take):
        await house.users.allow_recording(me, True)
        await house.live.flush()
        await asyncio.sleep(0)
    assert {"topic": "recording", "owner": user.id, "kind": "changed", "id": user.id, "data": {}} in heard


@pytest.mark.parametrize("role", ["root", "", "Admin"])
async def test_a_role_is_one_of_the_table(sqlite: Database, role: Role) -> None:
    with pytest.raises(BadInput):
        await accounts(sqlite, Watch()).users.create(LOCAL_OPERATOR, "ada", role)
