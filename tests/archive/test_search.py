from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, text

from archive.people import NOON, Said, conversation, person
from vivavoce.archive.search import Search, Wanted
from vivavoce.archive.search_index import SearchIndex
from vivavoce.errors import Conflict
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.database import Database
from vivavoce.storage.models import Turn

pytestmark = pytest.mark.real


async def found(database: Database, owner: str | None, query: str = "", **filters: object) -> list[str]:
    """The conversations of all pages, three at a time."""
    search = Search(SearchIndex(database.dialect, words=True))
    wanted = Wanted(owner=owner, query=query, **filters)  # type: ignore[arg-type]
    pages: list[str] = []
    below = None
    async with database.reading() as session:
        while True:
            hits = await search.find(session, wanted, 3, below)
            pages += [hit.conversation_id for hit in hits.hits]
            if hits.next is None:
                return pages
            below = hits.next


async def test_words_said_and_heard_are_found_newest_first(database: Database) -> None:
    ada = await person(database, "ada")
    old = await conversation(database, ada, ["set a timer"], at=NOON - DAY)
    new = await conversation(database, ada, [Said("how late is it", heard="The timer has ended.")])
    await conversation(database, ada, ["good night"])
    assert await found(database, ada, "timer") == [new, old]
    assert await found(database, ada, "TIMERS") == [new, old]
    assert await found(database, ada, "timer set") == [old]
    assert await found(database, ada, "kettle") == []


async def test_all_words_have_to_be_in_one_turn(database: Database) -> None:
    ada = await person(database, "ada")
    await conversation(database, ada, ["boil eggs", "make tea"])
    together = await conversation(database, ada, ["eggs with tea"], at=NOON + HOUR)
    assert await found(database, ada, "tea eggs") == [together]


async def test_a_chinese_word_of_two_characters_is_found(database: Database) -> None:
    ada = await person(database, "ada")
    tea = await conversation(database, ada, [Said("帮我泡一杯绿茶", heard="好的，马上。")])
    await conversation(database, ada, ["绿色的树和红茶"])
    assert await found(database, ada, "绿茶") == [tea]
    assert len(await found(database, ada, "茶")) == 2
    assert await found(database, ada, "一杯绿茶") == [tea]
    assert await found(database, ada, "马上") == [tea]


async def test_nobody_finds_what_others_said(database: Database) -> None:
    ada, bob = await person(database, "ada"), await person(database, "bob")
    await conversation(database, ada, ["my secret"])
    own = await conversation(database, bob, ["no secret at all"])
    assert await found(database, bob, "secret") == [own]


HOSTILE = (
    '"', "'", "timer\"", "timer OR 1=1", "timer*", "NEAR(timer, 2)", "terms:timer", "-timer", "timer AND", "^timer",
    "(timer", "timer); DROP TABLE turns; --", "{terms}: timer", "timer\x00",
    "timer' OR ''='", "%", "_", "\\", "🙂 timer",
)  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
async def test_operators_and_quotes_are_text(database: Database, query: str) -> None:
    ada = await person(database, "ada")
    mine = await conversation(database, ada, [f"timer and near or drop table turns 1 2 terms {query}"])
    found_words = [word for word in ("timer",) if word in query]
    assert await found(database, ada, query) == ([mine] if found_words else [])


async def test_a_conversation_is_on_one_page_only(database: Database) -> None:
    ada = await person(database, "ada")
    ids = [
        await conversation(database, ada, ["tea please", "more tea", "tea again"], at=NOON + number * MINUTE)
        for number in range(11)
    ]
    # Their turns lie between each other's.
    seen = await found(database, ada, "tea")
    assert len(seen) == len(set(seen)) == 11
    assert set(seen) == set(ids)


async def test_filters_hold_for_the_turn_that_matches(database: Database) -> None:
    ada = await person(database, "ada")
    quick = await conversation(database, ada, [Said("tea", response_ms=200)])
    slow = await conversation(database, ada, [Said("tea", response_ms=1_234)], at=NOON + HOUR)
    cut = await conversation(
        database, ada, [Said("tea", reason="interrupted", response_ms=900)], at=NOON + DAY, app="hall"
    )
    assert await found(database, ada, "tea", slow_ms=1_234) == [slow]
    assert await found(database, ada, "tea", slow_ms=1_235) == []
    assert await found(database, ada, "tea", slow_ms=0) == [cut, slow, quick]
    assert await found(database, ada, "tea", cut=True) == [cut]
    assert await found(database, ada, "tea", app="hall") == [cut]
    assert await found(database, ada, "tea", since=NOON + HOUR, until=NOON + DAY) == [slow]
    assert await found(database, None, cut=True, app="hall") == [cut]
    assert await found(database, None, cut=True, app="kitchen") == []


async def test_sealed_words_are_not_indexed_and_search_says_so(database: Database) -> None:
    ada = await person(database, "ada")
    sealed = await conversation(database, ada, [Said("tea", reason="interrupted")], words=False)
    assert await found(database, ada, "tea") == []
    assert await found(database, ada, cut=True) == [sealed]
    async with database.reading() as session:
        with pytest.raises(Conflict) as refused:
            await Search(SearchIndex(database.dialect, words=False)).find(session, Wanted(owner=ada, query="tea"), 10)
    assert refused.value.code == "search_off"


async def test_a_turn_takes_its_index_with_it(database: Database) -> None:
    ada = await person(database, "ada")
    await conversation(database, ada, ["tea"])
    async with database.writing() as session:
        await session.execute(delete(Turn))
    assert await found(database, ada, "tea") == []


async def test_the_full_text_of_sqlite_agrees_with_its_table(sqlite: Database) -> None:
    ada = await person(sqlite, "ada")
    await conversation(sqlite, ada, ["tea", "coffee", "milk"])
    async with sqlite.writing() as session:
        await session.execute(delete(Turn).where(Turn.reply == 2))
        await session.execute(text("INSERT INTO turn_search(turn_search) VALUES ('integrity-check')"))


@given(st.text(max_size=300))
def test_any_text_makes_a_query_of_numbers(query: str) -> None:
    from vivavoce.archive.search_terms import QUERY_CHARACTERS, QUERY_WORDS, asked, spoken, terms

    words = asked(query)
    assert len(words) <= QUERY_WORDS
    assert set(words) <= spoken(query[:QUERY_CHARACTERS])
    assert all(0 <= term < 1 << 48 for term in terms("ada", 0, words))
