"""The search index: one row per turn, kept in the transaction that keeps the turn.

    index = SearchIndex(database.dialect, words=True)
    async with database.writing() as session:
        …                                                   # the turn's row, flushed: it has an id
        await index.keep(session, [Indexed(turn.id, …)])    # again after every change; it replaces

Rows go with their turns, by themselves. `position` orders turns by time over all people: milliseconds, and the last
bits of the turn's id to tell two of one millisecond apart.

SQLite keeps the terms in an FTS5 table, whose lists of one term are walked from the newest end and stop when a page is
full. PostgreSQL's GIN cannot do that: it collects everything that matches, which for a common word of a talkative
person is too much. There a term also holds its span of 18.6 hours, and spans are asked one after another, newest
first, until the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.search_terms import EVERYBODY, app_mark, cut_mark, slow_marks, spoken, terms
from vivavoce.storage.database import Dialect
from vivavoce.storage.models import TurnIndex

ID_BITS: Final = 12
SPAN_BITS: Final = ID_BITS + 26
"""2²⁶ ms: 18.6 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What is found of a turn. Texts are plain; `started_at` and `response_ms` as in the turn's row."""

    turn_id: int
    conversation_id: str
    owner_id: str
    app_id: str
    started_at: int
    said: str = ""
    heard: str = ""
    response_ms: int | None = None
    cut: bool = False


class SearchIndex:
    """`words` is False where words are sealed at rest: then only app, slowness and cuts are found."""

    def __init__(self, dialect: Dialect, *, words: bool) -> None:
        self.dialect: Dialect = dialect
        self.words = words
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        # Should two turns ever have one place, the later is not found: better than that it is not kept.
        self._insert = insert(TurnIndex).on_conflict_do_nothing(index_elements=[TurnIndex.position])

    async def keep(self, session: AsyncSession, turns: Sequence[Indexed]) -> None:
        """Make these turns findable as they are now, in the caller's transaction."""
        if not turns:
            return
        await session.execute(delete(TurnIndex).where(TurnIndex.turn_id.in_([turn.turn_id for turn in turns])))
        await session.execute(self._insert, [self.row(turn) for turn in turns])

    def row(self, turn: Indexed) -> dict[str, object]:
        """The row of one turn, as columns."""
        position = position_of(turn.started_at, turn.turn_id)
        marks = [app_mark(turn.app_id)]
        marks += [cut_mark()] if turn.cut else []
        marks += [] if turn.response_ms is None else slow_marks(turn.response_ms)
        of = [*marks, *spoken(turn.said, turn.heard)] if self.words else marks
        span = self.span(position)
        return {
            "position": position,
            "turn_id": turn.turn_id,
            "conversation_id": turn.conversation_id,
            "owner_id": turn.owner_id,
            "response_ms": turn.response_ms,
            "terms": sorted({*terms(turn.owner_id, span, of), *terms(EVERYBODY, span, marks)}),
        }

    def span(self, position: int) -> int:
        """The span of time that the terms of this position hold."""
        return position >> SPAN_BITS if self.dialect == "postgresql" else 0


def position_of(at: int, turn_id: int = 0) -> int:
    """Where a turn of that moment stands; without a turn, the first place that one of this moment may have."""
    return max(at, 0) << ID_BITS | turn_id & (1 << ID_BITS) - 1
