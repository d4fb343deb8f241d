from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from archive.library import Library, library
from archive.people import NOON, Said, conversation, person
from vivavoce.archive.conversations import SNIPPET, Asked, snippet
from vivavoce.archive.layout import scope, title_place, turn_place
from vivavoce.archive.search_terms import asked
from vivavoce.errors import BadInput, Conflict, Missing, Refused
from vivavoce.storage.clock import DAY, HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditEntry, Conversation, Turn
from vivavoce.storage.sealing import KeyRing, open_sealer
from vivavoce.storage.sealing.ring import Kek


@pytest.fixture
async def kept(database: Database) -> AsyncGenerator[Library, None]:
    async with library(database) as opened:
        yield opened


async def listed(kept: Library, who: str, role: str = "user", limit: int = 2, **wanted: object) -> list[str]:
    """The ids of all pages."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        actor = kept.actor(who, role)  # type: ignore[arg-type]
        page = await kept.reading.conversations.page(actor, Asked(**wanted), cursor, limit)  # type: ignore[arg-type]
        assert len(page.items) <= limit
        seen += [one.id for one in page.items]
        if page.next is None:
            return seen
        cursor = page.next


@pytest.mark.real
async def test_lists_hold_what_is_asked_for_newest_first(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    first = await conversation(kept.database, ada, ["one"], at=NOON, app="hall")
    second = await conversation(kept.database, ada, ["two"], at=NOON + HOUR)
    third = await conversation(kept.database, ada, ["three"], at=NOON + DAY, app="hall")
    his = await conversation(kept.database, bob, ["his"], at=NOON + 2 * DAY)
    assert await listed(kept, ada) == [third, second, first]
    assert await listed(kept, ada, app="hall") == [third, first]
    assert await listed(kept, ada, since=NOON + HOUR, until=NOON + DAY) == [second]
    assert await listed(kept, ada, owner=ada) == [third, second, first]
    assert await listed(kept, "0" * 32, "operator", owner="*") == [his, third, second, first]
    assert await listed(kept, "0" * 32, "operator", owner=ada, app="hall") == [third, first]
    assert await listed(kept, "0" * 32, "operator", owner="*", slow_ms=0) == [his, third, second, first]


@pytest.mark.real
async def test_who_may_not_is_refused(kept: Library) -> None:
    ada, bob = await person(kept.database, "ada"), await person(kept.database, "bob")
    hers = await conversation(kept.database, ada, ["secret"])
    for owner in (ada, "*"):
        with pytest.raises(Refused):
            await listed(kept, bob, owner=owner)
    with pytest.raises(BadInput):
        await listed(kept, bob, "operator", owner="*", words=True, query="secret")
    for identity in (hers, "0" * 32, "", "../x", "%", hers.upper()):
        with pytest.raises(Missing):
            await kept.reading.conversations.get(kept.actor(bob), identity)
        with pytest.raises(Missing):
            await kept.reading.conversations.turns(kept.actor(bob), identity, words=True)
        with pytest.raises(Missing):
            await kept.reading.conversations.inspect(kept.actor(bob), identity, 1)


@pytest.mark.real
async def test_each_look_at_others_words_is_one_row_of_the_audit(kept: Library) -> None:
    ada, olga = await person(kept.database, "ada"), await person(kept.database, "olga", "operator")
    hers = await conversation(kept.database, ada, ["secret"])
    operator = kept.actor(olga, "operator")
    for _ in range(2):
        assert (await kept.reading.conversations.get(operator, hers, words=True)).summary.title == "secret"
    await kept.reading.conversations.turns(operator, hers, words=True)
    await kept.reading.conversations.get(operator, hers)
    await kept.reading.conversations.get(kept.actor(ada), hers, words=True)
    async with kept.database.reading() as session:
        rows = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.seq)))
    assert [(row.actor_id, row.act, row.object_id, row.detail["what"]) for row in rows] == [
        (olga, "words.show", hers, "conversation"),
        (olga, "words.show", hers, "turns"),
    ]


@pytest.mark.real
async def test_nothing_is_shown_that_cannot_be_audited(kept: Library) -> None:
    ada = await person(kept.database, "ada")
    hers = await conversation(kept.database, ada, ["secret"])
    kept.audit.broken = True
    with pytest.raises(RuntimeError):
        await kept.reading.conversations.get(kept.actor("0" * 32, "operator"), hers, words=True)
    kept.audit.broken = False
    await kept.reading.conversations.get(kept.actor("0" * 32, "operator"), hers, words=True)
    async with kept.database.reading() as session:
        assert len((await session.scalars(select(AuditEntry))).all()) == 1


@pytest.mark.real
async def test_sealed_words_are_opened_in_their_place_and_nowhere_else(database: Database) -> None:
    ring = KeyRing([Kek.new()], "tests")
    async with open_sealer(database, ring) as sealer, library(database, sealer) as kept:
        ada = await person(database, "ada")
        mine = await conversation(database, ada, [Said("plain", reason="interrupted")], words=False)
        title = await sealer.seal(b"tea", scope(mine), title_place())
        said = await sealer.seal("泡茶".encode(), scope(mine), turn_place(1, "said"))
        heard = await sealer.seal(b"yes", scope(mine), turn_place(1, "heard"))
        async with database.writing() as session:
            await session.execute(update(Conversation).values(title=title))
            await session.execute(update(Turn).values(said=said, heard=heard))
        assert (await kept.reading.conversations.get(kept.actor(ada), mine)).summary.title == "tea"
        [turn] = (await kept.reading.conversations.turns(kept.actor(ada), mine)).items
        assert (turn.said, turn.heard) == ("泡茶", "yes")
        assert not kept.reading.conversations.words_searchable
        with pytest.raises(Conflict) as off:
            await listed(kept, ada, query="tea")
        assert off.value.code == "search_off"
        found = (await kept.reading.conversations.page(kept.actor(ada), Asked(cut=True))).items
        assert found[0].matches[0].said == "泡茶"


@given(st.text(max_size=400), st.text(max_size=20))
def test_a_snippet_is_a_short_piece_of_the_text(text: str, query: str) -> None:
    shown = snippet(text, set(asked(query)))
    assert len(shown) <= SNIPPET + 4
    assert shown.removeprefix("… ").removesuffix(" …").strip() in text


def test_a_snippet_shows_the_word() -> None:
    text = "so " * 100 + "the timers are set " + "and " * 100
    assert "timers" in snippet(text, set(asked("timer")))
    text = "天地" * 100 + "我要一杯绿茶" + "日月" * 100
    assert "绿茶" in snippet(text, set(asked("绿茶")))
