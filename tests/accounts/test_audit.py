"""The audit: one row an act, in the act's transaction, one after another whoever writes at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import delete, select, text, update

from accounts.house import HOME, NOON, Watch, accounts, actor, come_in, history, person
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR, Actor, Whence
from vivavoce.accounts.audit import Filter
from vivavoce.accounts.principal import guest
from vivavoce.errors import BadInput, Conflict
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.bus.port import News
from vivavoce.storage.clock import DAY, HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditCheckpoint, AuditEntry, Setting

pytestmark = pytest.mark.real


async def act(house: Accounts, name: str = "test.act", count: int = 1, **detail: str | int | bool | None) -> None:
    for _ in range(count):
        async with house.commons.database.writing() as session:
            await house.audit.record(session, LOCAL_OPERATOR, name, "thing", "t1", **detail)


async def test_who_what_on_which_object_from_where_when_and_how_it_went(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    user = await person(house, "ada", "operator")
    me = await actor(house, await come_in(house, user), Whence("2001:db8:1:2:3::4"))
    watch.on(7)
    async with database.writing() as session:
        await house.audit.record(session, me, "app.change", "app", "kitchen", "failed", version=3, fresh=True)
    newest = (await house.audit.page(Filter(), limit=1)).items[0]
    assert (newest.at, newest.actor_id, newest.actor_name, newest.actor_role) == (NOON + 7, user.id, "ada", "operator")
    assert (newest.act, newest.object_kind, newest.object_id, newest.outcome) == (
        "app.change", "app", "kitchen", "failed",
    )  # fmt: skip
    assert newest.address == "2001:db8:1::/56"
    assert newest.detail == {"version": 3, "fresh": True}


async def test_an_act_that_is_undone_leaves_no_row_and_no_gap(database: Database) -> None:
    house = accounts(database, Watch())
    await act(house)
    with suppress(RuntimeError):
        async with database.writing() as session:
            session.add(Setting(key="k", value={"value": 1}, updated_at=1, updated_by=""))
            await house.audit.record(session, LOCAL_OPERATOR, "setting.change", "setting", "k")
            raise RuntimeError
    await act(house)
    assert [entry.act for entry in await house.audit.after(Filter(), 0)] == ["test.act", "test.act"]
    assert (await house.audit_check.run()).whole
    async with database.reading() as session:
        assert await session.get(Setting, "k") is None


async def test_writers_at_once_make_one_chain_without_gaps(database: Database) -> None:
    """As two gateways do, and each several acts in one transaction."""
    watch = Watch()
    houses = [accounts(database, watch) for _ in range(2)]

    async def writer(house: Accounts, number: int) -> None:
        for n in range(6):
            async with database.writing() as session:
                await house.audit.record(session, LOCAL_OPERATOR, "test.act", "thing", f"{number}")
                if n % 2:
                    await asyncio.sleep(0)
                    await house.audit.record(session, LOCAL_OPERATOR, "test.second", "thing", f"{number}")

    await asyncio.gather(*(writer(house, number) for number in range(6) for house in houses))
    rows = await houses[0].audit.after(Filter(), 0)
    assert [entry.seq for entry in rows] == list(range(1, 12 * 9 + 1))
    assert (await houses[1].audit_check.run()).whole


async def test_rows_are_neither_changed_nor_deleted(database: Database) -> None:
    house = accounts(database, Watch())
    await act(house, count=3)
    for statement in (
        update(AuditEntry).values(act="innocent"),
        update(AuditEntry).where(AuditEntry.seq == 3).values(seq=4),
        delete(AuditEntry),
        delete(AuditEntry).where(AuditEntry.seq == 3),
        text("UPDATE audit SET detail = '{}'"),
    ):
        with pytest.raises(Conflict):
            async with database.writing() as session:
                await session.execute(statement)
    assert (await house.audit_check.run()).rows == 3


async def test_what_is_recorded_comes_back_as_it_was_hashed_whatever_it_holds(database: Database) -> None:
    house = accounts(database, Watch())
    odd = ["", "é😀", "\0", "\ud800", "a\nb\t\x7f", '"\\', "x" * 1000, "\u2028", "1e2", "\ufeff", "ﷺ"]
    async with database.writing() as session:
        for value in odd:
            await house.audit.record(session, Actor(guest(), Whence(value)), "test.act", "thing", value, value=value)
        await house.audit.record(session, LOCAL_OPERATOR, "test.act", "thing", "", n=2**53 + 1, no=False, none=None)
    verdict = await house.audit_check.run()
    assert (verdict.whole, verdict.rows) == (True, len(odd) + 1)
    rows = await house.audit.after(Filter(), 0)
    assert rows[6].detail["value"] == "x" * 200
    assert rows[4].object_id == "a�b��"


async def test_pages_newest_first_and_what_they_are_filtered_by(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    user = await person(house, "ada")
    me = await actor(house, await come_in(house, user))
    await house.users.allow_recording(me, True)
    watch.on(DAY)
    await act(house, "app.change")
    await act(house, "app.create")
    await act(house, "apple")

    async def acts(**wanted: str | int | None) -> list[str]:
        return [entry.act for entry in (await house.audit.page(Filter(**wanted))).items]  # type: ignore[arg-type]

    assert await acts(what="app.") == ["app.create", "app.change"]
    assert await acts(what="app.change") == ["app.change"]
    assert await acts(who=user.id) == ["consent.recording", "sign_in"]
    assert await acts(from_at=NOON + DAY) == ["apple", "app.create", "app.change"]
    assert await acts(from_at=NOON, to_at=NOON + DAY, object_id=user.id, what="user.create") == ["user.create"]
    for nonsense in ("%", "_", "\0", "\ud800", "' OR 1=1 --", "app%."):
        assert await acts(what=nonsense) == []
    first = await house.audit.page(Filter(), limit=2)
    second = await house.audit.page(Filter(), limit=2, cursor=first.next)
    assert [entry.act for entry in (*first.items, *second.items)] == (await acts())[:4]
    with pytest.raises(BadInput):
        await house.audit.page(Filter(), cursor="1 OR 1=1")


async def test_a_checkpoint_each_thousand_rows_and_each_hour_made_once_and_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    watch = Watch()
    houses = [accounts(database, watch) for _ in range(3)]
    house = houses[0]
    await act(house, count=2)
    assert await house.checkpoints.make_due() == []
    watch.on(HOUR)
    made = await asyncio.gather(*(one.checkpoints.make_due() for one in houses))
    assert [[one.seq for one in some] for some in sorted(made, key=len)] == [[], [], [2]]
    assert f"audit checkpoint {max(made, key=len)[0]}" in caplog.text
    await history(house, 2100, 3)
    assert [one.seq for one in await house.checkpoints.make_due()] == [1000, 2000]
    watch.on(HOUR)
    assert [one.seq for one in await house.checkpoints.make_due()] == [2102]
    watch.on(HOUR)
    assert await house.checkpoints.make_due() == []  # nothing new
    verdict = await house.audit_check.run()
    assert (verdict.whole, verdict.rows, verdict.vouched_to) == (True, 2102, 2102)


async def test_whole_segments_are_pruned_and_the_chain_goes_on(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    await act(house, count=4)
    watch.on(HOUR)
    await house.checkpoints.make_due()  # at 4
    await act(house, count=3)
    watch.on(HOUR)
    await house.checkpoints.make_due()  # at 7
    watch.on(DAY)
    await act(house, count=2)
    assert await house.checkpoints.prune(LOCAL_OPERATOR, NOON) == 0
    assert await house.checkpoints.prune(LOCAL_OPERATOR, NOON + HOUR) == 4
    assert await house.checkpoints.prune(LOCAL_OPERATOR, NOON + HOUR + 1) == 3
    rows = await house.audit.after(Filter(), 0)
    assert [entry.seq for entry in rows] == [8, 9, 10, 11]
    assert [entry.act for entry in rows][2:] == ["audit.prune", "audit.prune"]
    verdict = await house.audit_check.run()
    assert (verdict.whole, verdict.rows) == (True, 4)
    async with database.reading() as session:
        marks = await session.execute(select(AuditCheckpoint.seq, AuditCheckpoint.pruned))
        assert [tuple(mark) for mark in marks] == [(7, True)]
    watch.on(HOUR)
    await house.checkpoints.make_due()
    assert await house.checkpoints.prune(LOCAL_OPERATOR, watch() + 1) == 4
    assert [entry.seq for entry in await house.audit.after(Filter(), 0)] == [12]
    assert (await house.audit_check.run()).whole


async def test_rows_go_by_themselves_after_four_hundred_days(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await act(house, count=3)
    watch.on(HOUR)
    await house.checkpoints.make_due()
    watch.on(400 * DAY - HOUR)
    assert await house.checkpoints.prune_old() == 0
    watch.on(1)
    assert await house.checkpoints.prune_old() == 3
    assert (await house.audit_check.run()).whole


async def test_a_segment_is_as_old_as_its_youngest_row_even_when_the_clock_went_back(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await act(house)
    watch.on(-DAY)
    await act(house)
    watch.on(DAY + HOUR)
    await house.checkpoints.make_due()
    assert await house.checkpoints.prune(LOCAL_OPERATOR, NOON - HOUR) == 0


async def test_whoever_watches_hears_of_a_row_once_it_is_committed(sqlite: Database) -> None:
    bus = MemoryBus()
    house = accounts(sqlite, Watch(), bus=bus)
    heard: list[bytes] = []

    def take(news: News) -> None:
        heard.append(news.payload)

    async with bus.subscribe("live", take):
        async with sqlite.writing() as session:
            await house.audit.record(session, LOCAL_OPERATOR, "test.act", "thing", "t")
            await house.live.flush()
            await asyncio.sleep(0)
            assert heard == []
        await house.live.flush()
        with suppress(RuntimeError):
            async with sqlite.writing() as session:
                await house.audit.record(session, LOCAL_OPERATOR, "test.act", "thing", "t")
                raise RuntimeError
        await house.live.flush()
        await asyncio.sleep(0)
    assert heard == [b'{"topic": "audit", "owner": "", "kind": "created", "id": "1", "data": {}}']


async def test_no_row_holds_a_name_or_a_whole_address(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await house.users.create(LOCAL_OPERATOR, "grace", "admin", "Grace Hopper")
    me = await actor(house, await come_in(house, user, "plum tree by the river"), HOME)
    await house.users.change(me, user.id, display_name="Amazing Grace")
    token = await house.api_tokens.create(me, user.id, "grace's token", "user")
    await house.api_tokens.revoke(me, user.id, token.view.id)
    async with sqlite.reading() as session:
        rows = (await session.execute(text("SELECT * FROM audit"))).all()
    assert len(rows) >= 7
    written = str(rows)
    for word in ("grace", "Grace", "plum", HOME.address, token.token):
        assert word not in written
