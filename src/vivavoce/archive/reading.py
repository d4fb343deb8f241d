"""The reading side of the archive, put together: what was kept of conversations, found, shown, shared, removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import Audit
from vivavoce.archive.conversations import Conversations
from vivavoce.archive.conversations_sound import Piece, Sounds
from vivavoce.archive.conversations_views import TurnView
from vivavoce.archive.deletion import Deletions
from vivavoce.archive.export import Source
from vivavoce.archive.leases import Leases
from vivavoce.archive.retention import Kept, Retention, Sweeper
from vivavoce.archive.search import Search
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.search_rebuild import Rebuild
from vivavoce.archive.shares import Shares
from vivavoce.archive.statistics import Statistics
from vivavoce.storage.blobs import BlobIndex
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.sealing import Sealer

PAGE: Final = 100
"""Turns read at once where all of them are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the archive reads from."""

    database: Database
    blobs: BlobIndex
    cache: Cache
    bus: Bus
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Reading:
    """One object for each thing that is done with conversations. `sweeper.run()` is for the server to spawn."""

    conversations: Conversations
    sounds: Sounds
    shares: Shares
    deletions: Deletions
    statistics: Statistics
    sweeper: Sweeper
    index: SearchIndex
    """For the writing side: `keep` in the transaction that keeps a turn."""

    async def source(self, actor: Actor, conversation: str, *, words: bool = False) -> Source:
        """All of a conversation, to be taken away. Raises Missing; StorageUnavailable now rather than in the middle."""
        row = await self.conversations.for_words(actor, conversation, words, "download")
        detail = await self.conversations.get(actor, conversation, words=words)
        ready = [one.id for one in detail.sounds if one.state == "ready"]
        if ready:
            first = await self.sounds.recording(conversation, row.owner_id, ready[0])
            async for _ in await self.sounds.open(first, Piece(0, 1, first.size)):
                pass
        sounds = {one: self._whole(conversation, row.owner_id, one) for one in ready}
        return Source(detail, lambda: self._turns(actor, conversation, words), sounds)

    def _whole(self, conversation: str, owner: str, recording: str) -> Callable[[], AsyncIterator[bytes]]:
        async def whole() -> AsyncIterator[bytes]:
            row = await self.sounds.recording(conversation, owner, recording)
            async for chunk in await self.sounds.open(row, Piece(0, row.size, row.size)):
                yield chunk

        return whole

    async def _turns(self, actor: Actor, conversation: str, words: bool) -> AsyncIterator[TurnView]:
        cursor: str | None = None
        while True:
            page = await self.conversations.turns(actor, conversation, cursor, PAGE, words=words)
            for turn in page.items:
                yield turn
            if page.next is None:
                return
            cursor = page.next


def open_reading(
    stores: Stores,
    audit: Audit,
    kept: Callable[[], Kept],
    *,
    index_plaintext: bool = False,
    process: str = "",
    clock: Clock = wall,
) -> Reading:
    """Everything of the reading side. `kept` is asked at each sweep; `process` names this one among several."""
    database = stores.database
    index = SearchIndex(database.dialect, words=index_plaintext or not stores.sealer.sealing)
    statistics = Statistics(database, clock)
    deletions = Deletions(database, stores.blobs, audit, stores.bus, statistics, clock)
    retention = Retention(database, deletions, kept, clock)
    rebuild = Rebuild(database, index, stores.sealer)

    async def resumed() -> int:
        return (await deletions.resume()).conversations

    async def blobs() -> int:
        return (await stores.blobs.sweep(clock())).removed

    steps = (
        ("interrupted deletions", resumed),
        ("conversations", retention.conversations),
        ("recordings", retention.recordings),
        ("links", retention.links),
        ("blobs", blobs),  # after what marks them
        ("days counted", statistics.roll),
        ("turns indexed", rebuild.step),
        ("lists merged", rebuild.merge),
    )
    return Reading(
        conversations=Conversations(database, stores.sealer, Search(index), audit, stores.cache),
        sounds=Sounds(database, stores.blobs, stores.sealer),
        shares=Shares(database, audit, clock),
        deletions=deletions,
        statistics=statistics,
        sweeper=Sweeper(Leases(database, process or new_id(clock), clock), steps),
        index=index,
    )


__all__ = ["Kept", "Reading", "Stores", "open_reading"]
