"""What the journal writes, in the clear: rows of conversations, turns and recordings as they are at this moment.

A later row of the same thing replaces an earlier one, so writing one twice does no harm, and what waited in a file
while the database was away is simply written in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace


class ConversationRow(Struct, frozen=True, kw_only=True):
    """`new` until it was written once: a row that has gone since then was deleted, and is not made again."""

    id: str
    owner_id: str
    app_id: str
    app_version: int
    channel: str
    kind: str
    language: str
    state: str
    title: str
    turns: int
    cuts: int
    response_ms: int | None
    started_at: int
    last_at: int
    ended_at: int | None
    end_reason: str
    new: bool


class TurnRow(Struct, frozen=True, kw_only=True):
    conversation_id: str
    owner_id: str
    reply: int
    state: str
    reason: str
    language: str
    said: str
    heard: str
    unheard: str
    typed: bool
    started_at: int
    said_from_ms: int | None
    said_to_ms: int | None
    heard_from_ms: int | None
    heard_to_ms: int | None
    response_ms: int | None
    stages: dict[str, Any]
    app_id: str
    """For the search index; the table has none."""


class RecordingRow(Struct, frozen=True, kw_only=True):
    id: str
    conversation_id: str
    owner_id: str
    state: str
    gateway: str
    from_ms: int
    duration_ms: int
    created_at: int
    expires_at: int


class Batch(Struct, frozen=True):
    """Rows that are written in one transaction."""

    conversations: list[ConversationRow] = field(default_factory=list)
    turns: list[TurnRow] = field(default_factory=list)
    recordings: list[RecordingRow] = field(default_factory=list)

    def of(self, conversation: str) -> Batch:
        """What of it belongs to that conversation."""
        return Batch(
            [row for row in self.conversations if row.id == conversation],
            [row for row in self.turns if row.conversation_id == conversation],
            [row for row in self.recordings if row.conversation_id == conversation],
        )

    def __len__(self) -> int:
        """Rows."""
        return len(self.conversations) + len(self.turns) + len(self.recordings)

    def ids(self) -> set[str]:
        """Of all conversations in it."""
        return {row.id for row in self.conversations}.union(
            (row.conversation_id for row in self.turns), (row.conversation_id for row in self.recordings)
        )


def merged(batches: Iterable[Batch], most: int) -> Iterator[Batch]:
    """The same in fewer batches of about `most` rows: of several rows of one thing only the last counts."""
    conversations: dict[str, ConversationRow] = {}
    turns: dict[tuple[str, int], TurnRow] = {}
    recordings: dict[str, RecordingRow] = {}

    def whole() -> Batch:
        return Batch(list(conversations.values()), list(turns.values()), list(recordings.values()))

    for batch in batches:
        for row in batch.conversations:
            before = conversations.get(row.id)
            conversations[row.id] = replace(row, new=True) if before is not None and before.new else row
        turns.update({(row.conversation_id, row.reply): row for row in batch.turns})
        recordings.update({row.id: row for row in batch.recordings})
        if len(conversations) + len(turns) + len(recordings) >= most:
            yield whole()
            conversations, turns, recordings = {}, {}, {}
    if conversations or turns or recordings:
        yield whole()
