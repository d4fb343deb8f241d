from __future__ import annotations

import pytest

from archive.people import Said, conversation, person
from vivavoce.archive.search import Search, Wanted
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.search_rebuild import Rebuild
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real


async def found(database: Database, owner: str, **wanted: object) -> int:
    search = Search(SearchIndex(database.dialect, words=True))
    async with database.reading() as session:
        return len((await search.find(session, Wanted(owner=owner, **wanted), 50)).hits)  # type: ignore[arg-type]


def rebuild(database: Database, *, words: bool, **sizes: int) -> Rebuild:
    return Rebuild(database, SearchIndex(database.dialect, words=words), Plain(), **sizes)


async def test_words_leave_the_index_when_they_are_sealed_and_come_back(database: Database) -> None:
    ada = await person(database, "ada")
    await conversation(database, ada, ["tea", Said("half", state="open")])
    assert await rebuild(database, words=True).step() == 0
    assert await rebuild(database, words=False).step() == 1
    assert await found(database, ada, query="tea") == 0
    assert await found(database, ada, slow_ms=0) == 1
    assert await rebuild(database, words=False).step() == 0
    assert await rebuild(database, words=True).step() == 1
    assert await found(database, ada, query="tea") == 1


async def test_it_goes_on_where_it_was_stopped(database: Database) -> None:
    ada = await person(database, "ada")
    for _ in range(3):
        await conversation(database, ada, ["tea", "more tea"])
    await rebuild(database, words=True).step()
    assert await rebuild(database, words=False, batch=2, steps=2).step() == 4
    assert await found(database, ada, query="tea") == 1
    assert await rebuild(database, words=False).step() == 2
    assert await found(database, ada, query="tea") == 0
    assert await rebuild(database, words=False).step() == 0
