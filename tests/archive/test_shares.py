from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import select

from archive.library import Library, library
from archive.people import conversation, person
from vivavoce.archive.shares import MOST
from vivavoce.errors import BadInput, LimitReached, Missing, Unauthorised
from vivavoce.storage.clock import DAY, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import Share

pytestmark = pytest.mark.real


@pytest.fixture
async def kept(database: Database) -> AsyncGenerator[Library, None]:
    async with library(database) as opened:
        yield opened


async def test_a_link_opens_its_conversation_until_its_end(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    made = await kept.reading.shares.create(kept.actor(ada), mine, 1)
    opened, bearer, until = await kept.reading.shares.open(made.secret)
    assert (opened.conversation_id, opened.owner_id, until) == (mine, ada, kept.clock() + 10 * MINUTE)
    assert await kept.reading.shares.opened(bearer) == opened
    kept.clock.now += DAY - MINUTE
    _, bearer, until = await kept.reading.shares.open(made.secret)
    assert until == made.share.expires_at, "a bearer ends with its link"
    kept.clock.now += MINUTE
    with pytest.raises(Missing):
        await kept.reading.shares.opened(bearer)
    with pytest.raises(Missing):
        await kept.reading.shares.open(made.secret)


async def test_a_bearer_runs_out_before_its_link(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    made = await kept.reading.shares.create(kept.actor(ada), mine, 1)
    _, bearer, _ = await kept.reading.shares.open(made.secret)
    kept.clock.now += 10 * MINUTE
    with pytest.raises(Unauthorised) as refused:
        await kept.reading.shares.opened(bearer)
    assert refused.value.code == "token_expired"


async def test_only_the_owner_makes_sees_and_revokes(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    mine = await conversation(kept.database, ada, ["tea"])
    made = await kept.reading.shares.create(kept.actor(ada), mine, 1)
    for actor in (kept.actor(bob), kept.actor(bob, "admin")):
        with pytest.raises(Missing):
            await kept.reading.shares.create(actor, mine, 1)
        with pytest.raises(Missing):
            await kept.reading.shares.list(actor, mine)
        with pytest.raises(Missing):
            await kept.reading.shares.revoke(actor, mine, made.share.id)
    await kept.reading.shares.revoke(kept.actor(ada), mine, made.share.id)
    [listed] = await kept.reading.shares.list(kept.actor(ada), mine)
    assert listed.revoked_at == kept.clock()


async def test_a_link_is_revoked_through_its_own_conversation_only(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine, other = [await conversation(kept.database, ada, ["tea"]) for _ in range(2)]
    made = await kept.reading.shares.create(kept.actor(ada), mine, 1)
    with pytest.raises(Missing):
        await kept.reading.shares.revoke(kept.actor(ada), other, made.share.id)


async def test_a_link_is_valid_for_a_day_to_ninety(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    for days in (0, 91):
        with pytest.raises(BadInput):
            await kept.reading.shares.create(kept.actor(ada), mine, days)
    made = await kept.reading.shares.create(kept.actor(ada), mine, 90)
    assert made.share.expires_at == kept.clock() + 90 * DAY


async def test_so_many_links_are_open_at_once_and_no_more(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    made = [await kept.reading.shares.create(kept.actor(ada), mine, 1) for _ in range(MOST)]
    with pytest.raises(LimitReached):
        await kept.reading.shares.create(kept.actor(ada), mine, 1)
    await kept.reading.shares.revoke(kept.actor(ada), mine, made[0].share.id)
    await kept.reading.shares.create(kept.actor(ada), mine, 1)


async def test_what_is_stored_opens_nothing(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    mine = await conversation(kept.database, ada, ["tea"])
    made = await kept.reading.shares.create(kept.actor(ada), mine, 1)
    assert len(made.secret) == 43, "256 bits"
    async with kept.database.reading() as session:
        [row] = await session.scalars(select(Share))
    for guess in (row.hash.hex(), row.id, row.hash.hex()[:43]):
        with pytest.raises(Missing):
            await kept.reading.shares.open(guess)
