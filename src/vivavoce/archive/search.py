"""Finding conversations by what was said and heard in them, newest match first.

Everything that is asked for has to hold for one turn: its words, its slowness, its cut. A page holds conversations,
each with the newest turns that match; a conversation stands on the page of its newest match and on no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vivavoce.archive.search_index import SearchIndex, position_of
from vivavoce.archive.search_terms import EVERYBODY, app_mark, asked, cut_mark, slow_mark, terms
from vivavoce.errors import Conflict
from vivavoce.storage.models import TurnIndex, term_words

SHOWN_TURNS: Final = 3
"""Matching turns named with a conversation."""
BATCH: Final = 200
"""Turns fetched at once."""
BATCHES: Final = 20
"""After so many the page ends, however few conversations are on it: `next` goes on from there."""
_END: Final = 1 << 62

Row = tuple[int, int, str]
"""position, turn id, conversation id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for. `owner` None: of everybody, which finds marks and no words. Times in ms since 1970, of the
    turn: from `since` to before `until`. `slow_ms`: at least so long from the end of speech to the first sound.
    """

    owner: str | None
    query: str = ""
    app: str | None = None
    since: int | None = None
    until: int | None = None
    slow_ms: int | None = None
    cut: bool = False

    @property
    def by_turns(self) -> bool:
        """It asks for turns; the rest is a plain list of conversations."""
        return bool(self.query.strip()) or self.slow_ms is not None or self.cut


@dataclass(slots=True)
class Hit:
    """A conversation and the newest of its turns that match."""

    conversation_id: str
    turns: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hits:
    """`next` is where the following page begins: a position that it lies below."""

    hits: list[Hit]
    next: int | None


class Search:
    """Over the rows of search_index.py."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    @property
    def words(self) -> bool:
        """Whether words are indexed; marks always are."""
        return self._index.words

    async def find(self, session: AsyncSession, wanted: Wanted, limit: int, below: int | None = None) -> Hits:
        """At most `limit` conversations with a matching turn below that position.

        Raises Conflict (`search_off`) when words are asked for and words are not indexed.
        """
        sought = self._sought(wanted)
        if sought is None:
            return Hits([], None)
        first, last = await self._bounds(session, wanted, below)
        found: dict[str, Hit] = {}
        shown_before: set[str] = set()
        for _ in range(BATCHES):
            rows = await self._rows(session, wanted, sought, first, last)
            if below is not None:
                new = {row[2] for row in rows} - found.keys() - shown_before
                shown_before |= await self._above(session, wanted, sought, sorted(new), below)
            for position, turn, conversation in rows:
                if conversation in shown_before:
                    continue
                if conversation not in found and len(found) == limit:
                    return Hits(list(found.values()), position + 1)
                hit = found.setdefault(conversation, Hit(conversation))
                if len(hit.turns) < SHOWN_TURNS:
                    hit.turns.append(turn)
            if len(rows) < BATCH:
                return Hits(list(found.values()), None)
            last = rows[-1][0]
        return Hits(list(found.values()), last)

    def _sought(self, wanted: Wanted) -> list[str] | None:
        """Words and marks that a turn must have; None: no turn can."""
        sought: list[str] = []
        if wanted.query.strip():
            if not self._index.words:
                raise Conflict("words are sealed at rest and cannot be searched; the filters work", code="search_off")
            assert wanted.owner is not None, "words are looked for in one person's history"
            sought = asked(wanted.query)
            if not sought:
                return None
        if wanted.cut:
            sought.append(cut_mark())
        if wanted.slow_ms is not None:
            sought.append(slow_mark(wanted.slow_ms))
        if wanted.app is not None:
            sought.append(app_mark(wanted.app))
        return sought

    async def _bounds(self, session: AsyncSession, wanted: Wanted, below: int | None) -> tuple[int, int]:
        """First position, and the one before which all lie."""
        first = position_of(wanted.since) if wanted.since is not None else 0
        last = position_of(wanted.until) if wanted.until is not None else _END
        last = min(last, below) if below is not None else last
        if self._index.dialect == "postgresql":
            ends = select(
                func.coalesce(func.min(TurnIndex.position), 0), func.coalesce(func.max(TurnIndex.position), 0)
            )
            if wanted.owner is not None:
                ends = ends.where(TurnIndex.owner_id == wanted.owner)
            oldest, newest = (await session.execute(ends)).one()
            first, last = max(first, oldest), min(last, newest + 1)
        return first, last

    async def _rows(self, session: AsyncSession, wanted: Wanted, sought: list[str], first: int, last: int) -> list[Row]:
        """The newest turns that match, newest first, at most `BATCH`."""
        if last <= first:
            return []
        if self._index.dialect == "postgresql":
            spans = range(self._index.span(last - 1), self._index.span(first) - 1, -1)
            scope = _scope(wanted)
            literals = ["{" + ",".join(map(str, terms(scope, span, sought))) + "}" for span in spans]
            given: dict[str, Any] = {"spans": literals}
            statement = _by_spans(wanted)
        else:
            given = {"match": term_words(terms(_scope(wanted), 0, sought))}
            statement = _by_full_text(wanted)
        given |= {"first": first, "last": last, "owner": wanted.owner, "slow_ms": wanted.slow_ms or 0}
        return [(row[0], row[1], row[2]) for row in await session.execute(statement, given)]

    async def _above(
        self, session: AsyncSession, wanted: Wanted, sought: list[str], conversations: Sequence[str], below: int
    ) -> set[str]:
        """Those of the conversations that have a match at `below` or after it, so were on an earlier page."""
        if not conversations:
            return set()
        last = position_of(wanted.until) if wanted.until is not None else _END
        rows = await session.execute(
            select(TurnIndex.conversation_id, TurnIndex.position, TurnIndex.response_ms, TurnIndex.terms).where(
                TurnIndex.conversation_id.in_(conversations), TurnIndex.position >= below, TurnIndex.position < last
            )
        )
        found: set[str] = set()
        asked_of_span: dict[int, set[int]] = {}
        for conversation, position, response_ms, there in rows:
            span = self._index.span(position)
            if span not in asked_of_span:
                asked_of_span[span] = set(terms(_scope(wanted), span, sought))
            slow = wanted.slow_ms is None or (response_ms is not None and response_ms >= wanted.slow_ms)
            if slow and asked_of_span[span].issubset(there):
                found.add(conversation)
        return found


def _scope(wanted: Wanted) -> str:
    return wanted.owner if wanted.owner is not None else EVERYBODY


def _by_full_text(wanted: Wanted) -> Select[int, int, str]:
    """FTS5 walks its lists from the newest row on, and stops at the limit."""
    index = table("turn_search", column("rowid", BigInteger))
    conditions: list[ColumnElement[bool]] = [
        text("turn_search MATCH :match"),  # type: ignore[list-item]
        index.c.rowid >= bindparam("first"),
        index.c.rowid < bindparam("last"),
        *_of_row(wanted, TurnIndex.owner_id),
    ]
    return (
        select(TurnIndex.position, TurnIndex.turn_id, TurnIndex.conversation_id)
        .select_from(index.join(TurnIndex, TurnIndex.position == index.c.rowid))
        .where(*conditions)
        .order_by(index.c.rowid.desc())
        .limit(BATCH)
    )


def _by_spans(wanted: Wanted) -> Select[int, int, str]:
    """Each span by itself through the GIN index, newest first; the outer limit ends the walk.

    Nothing but the terms may lead to the rows: adding nothing to position and owner keeps the planner from walking
    their indexes backwards in the hope of a match.
    """
    spans = func.unnest(bindparam("spans", type_=ARRAY(Text))).table_valued(column("terms", Text), name="spans")
    spans = spans.render_derived()
    position = TurnIndex.position + literal_column("0")
    within = (
        select(TurnIndex.position, TurnIndex.turn_id, TurnIndex.conversation_id)
        .where(
            TurnIndex.terms.op("@>")(cast(spans.c.terms, ARRAY(BigInteger))),
            position >= bindparam("first", type_=BigInteger),
            position < bindparam("last", type_=BigInteger),
            *_of_row(wanted, TurnIndex.owner_id + literal_column("''")),
        )
        .order_by(position.desc())
        .limit(BATCH)
        .lateral("found")
    )
    return (
        select(within.c.position, within.c.turn_id, within.c.conversation_id)
        .select_from(spans.join(within, true()))
        .limit(BATCH)
    )


def _of_row(wanted: Wanted, owner: ColumnElement[str] | InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
    """What the terms leave to be asked of a row."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        conditions.append(owner == bindparam("owner"))
    if wanted.slow_ms is not None:
        conditions.append(TurnIndex.response_ms >= bindparam("slow_ms", type_=BigInteger))
    return conditions
