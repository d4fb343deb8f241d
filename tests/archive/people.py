"""People with conversations in a database of their own, for tests of the archive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vivavoce.archive.search_index import Indexed, SearchIndex
from vivavoce.storage.blobs import BlobIndex
from vivavoce.storage.clock import DAY, MINUTE, SECOND
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Conversation, Recording, Turn, User

NOON = 1_764_000_000_000
"""24 November 2025, 16:00 UTC."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn to be kept."""

    said: str
    heard: str = "fine"
    response_ms: int | None = 500
    reason: str = ""
    unheard: str = ""
    state: str = "done"
    stages: dict[str, Any] = field(default_factory=dict)


async def person(database: Database, name: str, role: str = "user") -> str:
    """Somebody new; their id."""
    identity = new_id()
    async with database.writing() as session:
        session.add(User(id=identity, name=name, role=role, created_at=NOON, updated_at=NOON))
    return identity


async def conversation(
    database: Database,
    owner: str,
    turns: Sequence[Said | str],
    *,
    at: int = NOON,
    app: str = "kitchen",
    words: bool = True,
) -> str:
    """A conversation that began at `at`, a turn each minute; its id."""
    told = [Said(turn) if isinstance(turn, str) else turn for turn in turns]
    waits = sorted(turn.response_ms for turn in told if turn.response_ms is not None)
    identity = f"{at:012x}7{new_id()[-19:]}"
    index = SearchIndex(database.dialect, words=words)
    async with database.writing() as session:
        session.add(
            Conversation(
                id=identity,
                owner_id=owner,
                app_id=app,
                app_version=1,
                channel="web",
                kind="duplex",
                language="en",
                state="ended",
                title=told[0].said.encode() if told else None,
                turns=len(told),
                cuts=sum(turn.reason == "interrupted" for turn in told),
                response_ms=waits[len(waits) // 2] if waits else None,
                started_at=at,
                last_at=at + len(told) * MINUTE,
                ended_at=at + len(told) * MINUTE,
                end_reason="bye",
            )
        )
        await session.flush()
        for number, turn in enumerate(told):
            row = _turn(identity, owner, number, turn, at + number * MINUTE)
            session.add(row)
            await session.flush()
            entry = Indexed(
                turn_id=row.id,
                conversation_id=identity,
                owner_id=owner,
                app_id=app,
                started_at=row.started_at,
                said=turn.said,
                heard=turn.heard,
                response_ms=turn.response_ms,
                cut=turn.reason == "interrupted",
            )
            await index.keep(session, [entry])
    return identity


def _turn(conversation: str, owner: str, number: int, turn: Said, at: int) -> Turn:
    begin = number * MINUTE
    return Turn(
        conversation_id=conversation,
        owner_id=owner,
        reply=number + 1,
        state=turn.state,
        reason=turn.reason,
        language="en",
        said=turn.said.encode(),
        heard=turn.heard.encode(),
        unheard=turn.unheard.encode() or None,
        started_at=at,
        said_from_ms=begin,
        said_to_ms=begin + 2 * SECOND,
        heard_from_ms=begin + 2_500,
        heard_to_ms=begin + 4_000,
        response_ms=turn.response_ms,
        stages=turn.stages,
    )


async def recording(
    database: Database, blobs: BlobIndex, conversation: str, owner: str, sound: bytes, **fields: Any
) -> str:
    """A recording whose file is `sound`; its id."""
    identity = new_id()
    key = f"recordings/{identity}"
    await blobs.put(key, owner, _once(sound), "audio/ogg")
    row: dict[str, Any] = {
        "state": "ready",
        "from_ms": 0,
        "duration_ms": 10 * MINUTE,
        "size": len(sound),
        "blob": key,
        "peaks": b"\x01\x02\x03\x04",
        "created_at": NOON,
        "expires_at": NOON + 30 * DAY,
    }
    async with database.writing() as session:
        session.add(Recording(id=identity, conversation_id=conversation, owner_id=owner, **(row | fields)))
    return identity


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
