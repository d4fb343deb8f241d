"""How rows of the journal get into the database: sealed, in one transaction, and again without harm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Table, and_, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.layout import scope, title_place, turn_place
from vivavoce.archive.rows import Batch, ConversationRow, RecordingRow, TurnRow
from vivavoce.archive.search_index import Indexed, SearchIndex
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, Deletion, Recording, Turn
from vivavoce.storage.sealing import Sealer

CUTS = ("interrupted", "stopped")
"""Reasons of a reply that somebody cut short."""


class Store:
    """All methods raise StorageUnavailable, StorageFull and Conflict, and have changed nothing then."""

    def __init__(self, database: Database, sealer: Sealer, index: SearchIndex) -> None:
        self._database = database
        self._sealer = sealer
        self._index = index
        insert: Any = sqlite.insert if database.dialect == "sqlite" else postgresql.insert
        # Statements on tables, made once: a mapper has nothing to do where twenty rows are written ten times a second.
        self._new = _conversations(insert(_table(Conversation)))
        self._grown = _grown(_table(Conversation))
        self._turns = _turns(insert(_table(Turn)))
        self._recordings = _recordings(insert(_table(Recording)))

    async def write(self, batch: Batch, *, doubtful: bool = False, late: bool = False) -> set[str]:
        """Write it; the conversations of it that were deleted meanwhile, of which nothing was written.

        That is looked at where it is `doubtful`: else a turn of one that was deleted is a Conflict. `late` rows were
        waiting in a file: even a new conversation may have been written, and deleted, before.
        """
        conversations = [(row, await self._conversation(row)) for row in batch.conversations]
        turns = [(row, await self._turn(row)) for row in batch.turns]
        async with self._database.writing() as session:
            gone = await self._gone(session, batch, late=late) if doubtful or late else set()
            await self._put_conversations(session, [both for both in conversations if both[0].id not in gone])
            await self._put_turns(session, [both for both in turns if both[0].conversation_id not in gone])
            await self._put_recordings(session, [row for row in batch.recordings if row.conversation_id not in gone])
        return gone

    async def _gone(self, session: AsyncSession, batch: Batch, *, late: bool) -> set[str]:
        new = {row.id for row in batch.conversations if row.new}
        known = batch.ids() - new
        gone = known - set(await session.scalars(select(Conversation.id).where(Conversation.id.in_(known))))
        if late and new:
            owners = {row.id: row.owner_id for row in batch.conversations if row.new}
            gone |= await deleted(session, owners)
        return gone

    async def _put_conversations(
        self, session: AsyncSession, rows: list[tuple[ConversationRow, dict[str, Any]]]
    ) -> None:
        if new := [values for row, values in rows if row.new]:
            await session.execute(self._new, new)
        if grown := [{f"new_{name}": values[name] for name in ("id", *_GROWS)} for row, values in rows if not row.new]:
            await session.execute(self._grown, grown)

    async def _put_turns(self, session: AsyncSession, turns: list[tuple[TurnRow, dict[str, Any]]]) -> None:
        if not turns:
            return
        result = await session.execute(self._turns, [values for _, values in turns])
        ids = {(conversation, reply): id for id, conversation, reply in result}
        over = [(row, ids.get((row.conversation_id, row.reply))) for row, _ in turns if row.state != "open"]
        await self._index.keep(session, [indexed(row, id) for row, id in over if id is not None])

    async def _put_recordings(self, session: AsyncSession, rows: Iterable[RecordingRow]) -> None:
        values = [_recording(row) for row in rows]
        if values:
            await session.execute(self._recordings, values)

    async def _conversation(self, row: ConversationRow) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in row.__struct_fields__ if name != "new"}
        return values | {"title": await self._sealed(row.title, row.id, title_place())}

    async def _turn(self, row: TurnRow) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in row.__struct_fields__ if name != "app_id"}
        for column in ("said", "heard", "unheard"):
            values[column] = await self._sealed(values[column], row.conversation_id, turn_place(row.reply, column))
        return values

    async def _sealed(self, text: str, conversation: str, place: str) -> bytes | None:
        if not text:
            return None
        return await self._sealer.seal(text.encode(errors="replace"), scope(conversation), place)


async def deleted(session: AsyncSession, conversations: Mapping[str, str]) -> set[str]:
    """Those of these conversations (and their owners) that were deleted: alone, or with all of their owner's."""
    ids = {*conversations, *conversations.values()}
    rows = await session.execute(select(Deletion.object_id, Deletion.at).where(Deletion.object_id.in_(ids)))
    until: dict[str, int] = {}
    for id, at in rows:
        until[id] = max(at, until.get(id, 0))
    return {id for id, owner in conversations.items() if id in until or made_at(id) <= until.get(owner, 0)}


def made_at(id: str) -> int:
    """When that id was made (storage/ids.py), in ms since 1970."""
    return int(id[:12], 16)


def indexed(row: TurnRow, turn_id: int) -> Indexed:
    """What is found of that turn."""
    return Indexed(
        turn_id=turn_id,
        conversation_id=row.conversation_id,
        owner_id=row.owner_id,
        app_id=row.app_id,
        started_at=row.started_at,
        said=row.said,
        heard=row.heard,
        response_ms=row.response_ms,
        cut=row.reason in CUTS,
    )


_GROWS: Final = ("state", "title", "turns", "cuts", "response_ms", "last_at", "ended_at", "end_reason")
"""What changes of a conversation."""


def _newer(table: Table, turns: Any, state: Any) -> Any:
    """Rows that waited in one process do not undo what another one, where the session went on, wrote meanwhile."""
    same = and_(table.c.turns == turns, or_(table.c.state == "open", state != "open"))
    return or_(table.c.turns < turns, same)


def _grown(table: Table) -> Any:
    return (
        update(table)
        .where(
            table.c.id == bindparam("new_id"),
            _newer(
                table,
                bindparam("new_turns", type_=table.c.turns.type),
                bindparam("new_state", type_=table.c.state.type),
            ),
        )
        .values({name: bindparam(f"new_{name}") for name in _GROWS})
    )


def _conversations(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=["id"],
        set_={name: insert.excluded[name] for name in _GROWS},
        where=and_(
            _table(Conversation).c.owner_id == insert.excluded.owner_id,
            _newer(_table(Conversation), insert.excluded.turns, insert.excluded.state),
        ),
    )


def _turns(insert: Any) -> Any:
    fixed = {"id", "conversation_id", "owner_id", "reply", "started_at"}
    grows = [column.name for column in _table(Turn).c if column.name not in fixed]
    return insert.on_conflict_do_update(
        index_elements=["conversation_id", "reply"],
        set_={name: insert.excluded[name] for name in grows},
        # A turn that is over is not opened again by a row that comes late.
        where=or_(_table(Turn).c.state == "open", insert.excluded.state != "open"),
    ).returning(*(_table(Turn).c[name] for name in ("id", "conversation_id", "reply")))


def _recordings(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=["id"],
        set_={name: insert.excluded[name] for name in ("state", "duration_ms")},
        where=_table(Recording).c.state == "spooling",
    )


def _recording(row: RecordingRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__} | {"size": 0, "blob": ""}


def _table(model: type[Any]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
