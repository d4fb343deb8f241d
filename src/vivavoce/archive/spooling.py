"""Sound on its way to the spool: gathered from all recorders, sealed, and written by a thread, twice a second.

What waits is bounded: beyond `WAITING` bytes (the disk stands still, or no key can be had) there is no room for sound,
and the conversations go on without being recorded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from vivavoce import aio
from vivavoce.archive.journal import RecordingDraft
from vivavoce.archive.layout import scope, spool_place
from vivavoce.archive.spool import Header, Spool
from vivavoce.errors import StorageError, StorageFull
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

ROUND_S: Final = 0.5
ENDING_S: Final = 5.0
"""A round that is under way when the server stops gets so long."""
LOOK_S: Final = 5.0
"""The room on the disk is looked at this often."""
WAITING: Final = 32 << 20
"""Bytes; ten seconds of a hundred people."""
_AT_ONCE: Final = 16
"""Sessions that are settled before the loop gets to do something else."""


class Spooling:
    """`settle` lists what to call each round; `complete` is told of a recording whose sound is all there, `room` of
    why there is none (or empty).
    """

    def __init__(
        self,
        spool: Spool,
        sealer: Sealer,
        *,
        settle: Callable[[], list[Callable[[float], None]]],
        complete: Callable[[RecordingDraft], None],
        room: Callable[[str], None],
    ) -> None:
        self._spool = spool
        self._sealer = sealer
        self._settle = settle
        self._complete = complete
        self._room = room
        self._chunks: dict[str, list[bytes]] = {}
        self._drafts: dict[str, RecordingDraft] = {}
        self._last: set[str] = set()
        self._begun: dict[str, int] = {}
        """Recordings with a file, and the chunks in it."""
        self._waiting = 0
        self._stuck = ""
        self._looked_at = float("-inf")

    def sound(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None:
        """Records to be written; never waits."""
        if chunk:
            self._chunks.setdefault(recording.id, []).append(chunk)
            self._waiting += len(chunk)
        self._drafts[recording.id] = recording
        if last:
            self._last.add(recording.id)

    @property
    def active(self) -> set[str]:
        """Recordings that are being made."""
        return {*self._begun, *self._drafts}

    async def run(self) -> None:
        """Until cancelled, but not in the middle of a round; `round` once more writes what is left."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(ROUND_S)
                going = aio.spawn(group, self.round(), "archive: round")
                try:
                    await asyncio.wait([going])
                except asyncio.CancelledError:
                    # What a round has in hand is nowhere else, and a thread that writes cannot be called back.
                    await asyncio.wait([going], timeout=ENDING_S)
                    raise

    async def round(self) -> None:
        """Let all recorders give what they have, and write it."""
        for place, settle in enumerate(self._settle()):
            settle(aio.now())
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        drafts, self._drafts = self._drafts, {}
        chunks, self._chunks = self._chunks, {}
        last, self._last = self._last, set()
        self._waiting = 0
        try:
            sealed = {id: await self._sealed(drafts[id], b"".join(parts)) for id, parts in chunks.items()}
        except StorageError as error:
            self._return(drafts, chunks, last, error)
        else:
            await self._write(drafts, sealed, last)
        await self._look()

    async def _sealed(self, draft: RecordingDraft, chunk: bytes) -> bytes:
        return await self._sealer.seal(chunk, scope(draft.conversation.id), spool_place(draft.id))

    def _return(
        self, drafts: dict[str, RecordingDraft], chunks: dict[str, list[bytes]], last: set[str], error: StorageError
    ) -> None:
        """Nothing could be sealed now: it waits, as far as there is room."""
        self._drafts = drafts | self._drafts
        self._last |= last
        for id, parts in chunks.items():
            self._chunks[id] = parts + self._chunks.get(id, [])
        self._waiting = sum(len(chunk) for parts in self._chunks.values() for chunk in parts)
        if self._waiting > WAITING:
            log.warning("sound cannot be sealed and is not recorded: %s", error)
            self._stuck = "storage_unavailable"
            self._chunks.clear()
            self._waiting = 0

    async def _write(self, drafts: dict[str, RecordingDraft], sealed: dict[str, bytes], last: set[str]) -> None:
        failed = await asyncio.to_thread(self._append, drafts, sealed)
        self._stuck = "disk_full" if failed else ""
        for id in last:
            self._begun.pop(id, None)
            draft = drafts[id]
            if draft.conversation.turns and not draft.conversation.gone:
                draft.state = "pending"
                self._complete(draft)
            else:  # it was deleted, or nobody said anything: there is no conversation that it could belong to
                await asyncio.to_thread(self._spool.drop, id)

    def _append(self, drafts: dict[str, RecordingDraft], sealed: dict[str, bytes]) -> bool:
        """Whether something could not be written. In a thread."""
        failed = False
        for id, chunk in sealed.items():
            head = [] if id in self._begun else [msgspec.json.encode(self._header(drafts[id]))]
            try:
                self._spool.append(id, [*head, chunk])
                self._begun[id] = self._begun.get(id, 0) + 1
            except StorageFull as error:
                log.warning("recording %s: %s", id, error)
                failed = True
        return failed

    def _header(self, draft: RecordingDraft) -> Header:
        return Header(
            draft.id,
            draft.conversation.id,
            draft.conversation.owner,
            draft.gateway,
            draft.start,
            draft.created_at,
            self._sealer.sealing,
        )

    async def _look(self) -> None:
        if self._stuck:
            self._room(self._stuck)
            self._looked_at = aio.now()
        elif aio.now() - self._looked_at >= LOOK_S:
            self._looked_at = aio.now()
            self._room(await asyncio.to_thread(self._spool.full))
