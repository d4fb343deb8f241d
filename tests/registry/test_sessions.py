"""Who talks now, and ending it wherever it lives."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from registry.office import ADMIN, Office, office
from vivavoce.accounts.audit import Filter
from vivavoce.errors import BadInput, Missing, StorageUnavailable
from vivavoce.registry.sessions import FRESH_MS, LiveSessions
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import LiveSession, User

pytestmark = pytest.mark.real


async def person(here: Office, name: str) -> str:
    id = new_id()
    async with here.database.writing() as rows:
        rows.add(User(id=id, name=name, role="user", created_at=0, updated_at=0))
    return id


async def talking(here: Office, owner: str, *names: str, seen: int | None = None) -> None:
    async with here.database.writing() as rows:
        for name in names:
            rows.add(
                LiveSession(
                    owner_id=owner, id=name, conversation_id=new_id(), gateway="g1", kind="duplex", token_hash=b"",
                    snapshot=b"", seen_at=here.now if seen is None else seen,
                )
            )  # fmt: skip


async def test_ones_own_and_everybodys_page_by_page(database_url: str) -> None:
    async with office(database_url) as here:
        sessions = here.registry.sessions
        ann, ben = await person(here, "ann"), await person(here, "ben")
        await talking(here, ann, "a1", "a2")
        await talking(here, ben, "b1")
        assert [one.id for one in (await sessions.page(ann)).items] == ["a1", "a2"]
        first = await sessions.page(None, limit=2)
        rest = await sessions.page(None, limit=2, cursor=first.next)
        assert [(one.owner_name, one.id) for one in [*first.items, *rest.items]] == [
            ("ann", "a1"),
            ("ann", "a2"),
            ("ben", "b1"),
        ]
        assert rest.next is None
        with pytest.raises(BadInput):
            await sessions.page(None, cursor="x")


async def test_a_gateway_that_is_gone_holds_nobody(database_url: str) -> None:
    async with office(database_url) as here:
        ann = await person(here, "ann")
        await talking(here, ann, "old", seen=here.now - FRESH_MS)
        assert (await here.registry.sessions.page(ann)).items == []


async def test_the_gateway_that_has_it_ends_it(database_url: str) -> None:
    async with office(database_url) as here:
        sessions = here.registry.sessions
        ann, ben = await person(here, "ann"), await person(here, "ben")
        await talking(here, ann, "talk")
        ended: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

        def end(owner: str, id: str) -> bool:
            ended.put_nowait((owner, id))
            return True

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(sessions.listen(end))
            await asyncio.sleep(0)
            with pytest.raises(Missing):
                await sessions.end(ADMIN, ben, "talk")
            await here.commons.bus.publish("sessions.end", b"not an order")
            await sessions.end(ADMIN, ann, "talk")
            assert await ended.get() == (ann, "talk")
            listening.cancel()
        assert await here.acts() == ["session.end"]


class Mute(MemoryBus):
    """A bus that is away; while one waits for that, somebody else must be able to record."""

    def __init__(self, here: Office) -> None:
        super().__init__()
        self._here = here

    async def publish(self, channel: str, payload: bytes) -> None:
        async with asyncio.timeout(2), self._here.database.writing() as rows:
            await self._here.commons.audit.record(rows, ADMIN, "meanwhile", "thing", "1")
        raise StorageUnavailable("away")


async def test_an_order_that_reaches_nobody_holds_nobody_up_and_is_recorded_as_failed(database_url: str) -> None:
    async with office(database_url) as here:
        ann = await person(here, "ann")
        await talking(here, ann, "talk")
        sessions = LiveSessions(replace(here.commons, bus=Mute(here)))
        with pytest.raises(StorageUnavailable):
            await sessions.end(ADMIN, ann, "talk")
        found = (await here.commons.audit.page(Filter())).items
        assert [(one.act, one.outcome) for one in reversed(found)] == [
            ("session.end", "ok"),
            ("meanwhile", "ok"),
            ("session.end", "failed"),
        ]


async def test_a_limit_that_cannot_be_is_refused_as_in_every_list(database_url: str) -> None:
    async with office(database_url) as here:
        with pytest.raises(BadInput):
            await here.registry.sessions.page(None, limit=0)
