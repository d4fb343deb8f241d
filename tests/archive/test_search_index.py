from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from archive.people import NOON, conversation, person
from vivavoce.archive.search_index import Indexed, SearchIndex, position_of
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.models import Turn, TurnIndex

TURN = Indexed(turn_id=1, conversation_id="c", owner_id="ada", app_id="hall", started_at=NOON, said="tea", heard="yes")


@given(st.integers(0, 1 << 42), st.integers(0, 1 << 42), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_positions_are_in_the_order_of_time(one: int, other: int, first_id: int, second_id: int) -> None:
    if one < other:
        assert position_of(one, first_id) < position_of(other) <= position_of(other, second_id)
    assert 0 <= position_of(one, first_id) < 1 << 62


def test_marks_are_indexed_without_words_too() -> None:
    with_words = set(SearchIndex("sqlite", words=True).row(TURN)["terms"])  # type: ignore[call-overload]
    without = set(SearchIndex("sqlite", words=False).row(TURN)["terms"])  # type: ignore[call-overload]
    assert without < with_words
    assert len(with_words - without) == 2


def test_in_postgresql_terms_hold_their_span_of_time() -> None:
    index = SearchIndex("postgresql", words=True)
    later = replace(TURN, started_at=NOON + 24 * HOUR)
    assert not set(index.row(TURN)["terms"]) & set(index.row(later)["terms"])  # type: ignore[call-overload]


@pytest.mark.real
async def test_a_turn_that_is_kept_again_replaces_itself(database: Database) -> None:
    ada = await person(database, "ada")
    mine = await conversation(database, ada, ["tea"])
    index = SearchIndex(database.dialect, words=True)
    async with database.writing() as session:
        turn = (await session.scalars(select(Turn))).one()
        again = replace(TURN, turn_id=turn.id, conversation_id=mine, owner_id=ada, started_at=turn.started_at + HOUR)
        await index.keep(session, [again])
        await index.keep(session, [])
    async with database.reading() as session:
        [row] = await session.scalars(select(TurnIndex))
    assert row.position == position_of(turn.started_at + HOUR, turn.id)


@pytest.mark.real
async def test_a_turn_is_kept_though_its_place_is_taken(database: Database) -> None:
    ada = await person(database, "ada")
    mine = await conversation(database, ada, ["tea"])
    index = SearchIndex(database.dialect, words=True)
    async with database.writing() as session:
        first = (await session.scalars(select(Turn))).one()
        far = Turn(id=first.id + 4096, conversation_id=mine, owner_id=ada, reply=2, state="done", stages={})
        far.started_at = first.started_at
        session.add(far)
        await session.flush()
        clash = replace(TURN, turn_id=far.id, conversation_id=mine, owner_id=ada, started_at=far.started_at)
        await index.keep(session, [clash])
    async with database.reading() as session:
        assert list(await session.scalars(select(TurnIndex.turn_id))) == [first.id]
        assert len((await session.scalars(select(Turn))).all()) == 2
