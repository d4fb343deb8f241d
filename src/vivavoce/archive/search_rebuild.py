"""Makes the search index anew where it was made otherwise than is wanted now: words are sealed from now on, or may be
searched again, or a word is defined anew. In steps, oldest turn first; what is written meanwhile is right already.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, text

from vivavoce.archive.conversations_views import texts
from vivavoce.archive.search_index import Indexed, SearchIndex
from vivavoce.archive.statistics import CUT
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, SearchState, Turn
from vivavoce.storage.sealing import Sealer

VERSION: Final = 1
"""Of the definition of a word (search_terms.py); one more makes all indexes anew."""
BATCH: Final = 500
DONE: Final = -1
"""In `search_state.done`: nothing is left to do."""
MERGED_PAGES: Final = 2_000
"""At a time: 8 MiB an hour, so that the lists of a million turns are whole again after a day."""
STEPS: Final = 2_000
"""Batches of one sweep: a million turns."""


class Rebuild:
    """`index` says what is wanted."""

    def __init__(
        self, database: Database, index: SearchIndex, sealer: Sealer, *, batch: int = BATCH, steps: int = STEPS
    ) -> None:
        self._batch_size = batch
        self._steps = steps
        self._database = database
        self._index = index
        self._sealer = sealer

    async def step(self) -> int:
        """Index what was indexed otherwise; how many turns that were."""
        turns = 0
        for _ in range(self._steps):
            done = await self._batch()
            if not done:
                break
            turns += done
        return turns

    async def merge(self) -> int:
        """What was deleted leaves the lists of SQLite's full text when they are merged, and not before. PostgreSQL's
        own vacuum does the like.
        """
        if self._database.dialect == "sqlite":
            async with self._database.writing() as session:
                await session.execute(
                    text("INSERT INTO turn_search(turn_search, rank) VALUES ('merge', :pages)"),
                    {"pages": -MERGED_PAGES},
                )
        return 0

    async def _batch(self) -> int:
        async with self._database.writing() as session:
            state = await session.get(SearchState, 1, with_for_update=True)
            if state is None:
                # The index is older than any turn: whatever there is was indexed as is wanted now.
                session.add(SearchState(id=1, version=VERSION, words=self._index.words, done=DONE))
                return 0
            if (state.version, state.words) != (VERSION, self._index.words):
                state.version, state.words, state.done = VERSION, self._index.words, 0
            if state.done == DONE:
                return 0
            statement = (
                select(Turn, Conversation.app_id)
                .join(Conversation, Conversation.id == Turn.conversation_id)
                .where(Turn.id > state.done, Turn.state != "open")
                .order_by(Turn.id)
                .limit(self._batch_size)
            )
            rows = (await session.execute(statement)).all()
            await self._index.keep(session, [await self._indexed(turn, app) for turn, app in rows])
            state.done = rows[-1][0].id if rows else DONE
            return len(rows)

    async def _indexed(self, turn: Turn, app: str) -> Indexed:
        said = heard = ""
        if self._index.words:
            said, heard, _ = await texts(turn, self._sealer)
        return Indexed(
            turn_id=turn.id,
            conversation_id=turn.conversation_id,
            owner_id=turn.owner_id,
            app_id=app,
            started_at=turn.started_at,
            said=said,
            heard=heard,
            response_ms=turn.response_ms,
            cut=turn.reason in CUT,
        )
