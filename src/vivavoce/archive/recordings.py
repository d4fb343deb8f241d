"""From the spool to the blob store: one recording after another is encoded by a child process and stored.

    spooling ─▶ pending ─▶ ready        the row says where it stands; a restart goes on from there
                      └──▶ failed       there is no sound that could be stored

The recording knows the key of its blob before there is one, is `ready` when it is whole, and only then its spool goes.
With the blob store or the database away it stays `pending` and is tried again, under another key.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce import aio
from vivavoce.archive import encoder
from vivavoce.archive.clock import RATE
from vivavoce.archive.layout import peaks_place, scope, spool_place
from vivavoce.archive.news import News
from vivavoce.archive.spool import Spool
from vivavoce.errors import Conflict, StorageError, StorageUnavailable
from vivavoce.storage.blobs import BlobIndex, BlobInfo
from vivavoce.storage.clock import Clock
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Recording
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "audio/ogg"
FIRST_S: Final = 1.0
MOST_S: Final = 60.0
"""Between tries the wait doubles up to this."""
TRIES: Final = 3
"""A recording whose encoding fails so often, with everything else in order, is `failed`."""
LOOK_S: Final = 30.0
"""Without being told, pending recordings are looked for this often."""
STALLED_S: Final = 60.0
"""An encoder that takes or gives nothing for so long is ended. Four hours of sound take a minute on an idle core."""


class Recordings:
    """`run` works until cancelled; `nudge` says that there is something to do."""

    def __init__(
        self,
        database: Database,
        blobs: BlobIndex,
        sealer: Sealer,
        spool: Spool,
        news: News,
        *,
        clock: Clock,
        gateway: str,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._sealer = sealer
        self._spool = spool
        self._news = news
        self._clock = clock
        self._gateway = gateway
        self._due = asyncio.Event()
        self._failures: dict[str, int] = {}

    def nudge(self) -> None:
        self._due.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self._working(group)

    async def _working(self, group: asyncio.TaskGroup) -> None:
        wait = FIRST_S
        while True:
            try:
                await self.work(group)
                wait = FIRST_S
            except (StorageError, Conflict) as error:
                log.warning("recordings wait: %s", error)
                await asyncio.sleep(wait)
                wait = min(MOST_S, 2 * wait)
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()

    async def work(self, group: asyncio.TaskGroup) -> None:
        """Store everything that is pending here. Raises StorageError when that cannot be done now."""
        while (recording := await self._next()) is not None:
            await self._store(recording, group)

    async def _next(self) -> Recording | None:
        async with self._database.reading() as session:
            mine = select(Recording).where(Recording.gateway == self._gateway, Recording.state == "pending")
            return await session.scalar(mine.order_by(Recording.id).limit(1))

    async def _store(self, recording: Recording, group: asyncio.TaskGroup) -> None:
        header = await asyncio.to_thread(self._spool.header, recording.id)
        if header is None:
            await self._give_up(recording, "its sound is not in the spool")
            return
        key = f"recordings/{new_id(self._clock)}"
        if not await self._announce(recording, key):
            await self._leave(recording.id)
            return
        made = _Made(header.start)
        try:
            info = await self._encoded(recording, made, key, group)
        except _NotEncoded as error:
            tries = self._failures[recording.id] = self._failures.get(recording.id, 0) + 1
            log.warning("recording %s could not be encoded: %s", recording.id, error)
            if tries >= TRIES:
                await self._give_up(recording, str(error))
            return
        await self._finish(recording, info, made)

    async def _announce(self, recording: Recording, key: str) -> bool:
        """Under which key it will be; that of a try that was broken off goes. False when the recording was deleted."""
        async with self._database.writing() as session:
            row = await self._pending(session, recording.id)
            if row is None:
                return False
            if row.blob:
                await self._blobs.forget(session, [row.blob])
            row.blob = key
        return True

    async def _pending(self, session: AsyncSession, id: str) -> Recording | None:
        held = select(Recording).where(Recording.id == id, Recording.state == "pending").with_for_update()
        row: Recording | None = await session.scalar(held)
        return row

    async def _finish(self, recording: Recording, info: BlobInfo, made: _Made) -> None:
        where = scope(recording.conversation_id), peaks_place(recording.id)
        peaks = await self._sealer.seal(bytes(made.peaks), *where)
        async with self._database.writing() as session:
            row = await self._pending(session, recording.id)
            if row is not None:
                row.state, row.blob, row.size, row.peaks = "ready", info.key, info.size, peaks
                row.from_ms, row.duration_ms = made.start * 1000 // RATE, made.samples * 1000 // RATE
            else:  # deleted while it was encoded
                await self._blobs.forget(session, [info.key])
        await self._leave(recording.id)
        if row is not None:
            self._tell(recording, "ready")

    async def _give_up(self, recording: Recording, why: str) -> None:
        log.error("recording %s is lost: %s", recording.id, why)
        async with self._database.writing() as session:
            row = await self._pending(session, recording.id)
            if row is not None:
                row.state = "failed"
                await self._blobs.forget(session, [row.blob])
        await self._leave(recording.id)
        self._tell(recording, "failed")

    async def _leave(self, id: str) -> None:
        self._failures.pop(id, None)
        await asyncio.to_thread(self._spool.drop, id)

    def _tell(self, recording: Recording, state: str) -> None:
        data = {"recording": {"id": recording.id, "state": state}}
        self._news.live("conversations", recording.owner_id, "changed", recording.conversation_id, data)

    # ── encoding ──────────────────────────────────────────────────────────────────────────────

    async def _encoded(self, recording: Recording, made: _Made, key: str, group: asyncio.TaskGroup) -> BlobInfo:
        """Encode it into the blob store. Raises _NotEncoded, or what the blob store and the keys raise."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "vivavoce.archive.encoder", str(made.start)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )
        feeding = aio.spawn(group, self._feed(recording, child, made), "archive: sound to encode")
        try:
            ogg = _ogg(child, made)
            return await self._blobs.put(key, recording.owner_id, ogg, CONTENT_TYPE, recording.expires_at)
        finally:
            if child.returncode is None:
                child.kill()
            await aio.settle(feeding)
            await child.wait()

    async def _feed(self, recording: Recording, child: asyncio.subprocess.Process, made: _Made) -> None:
        """Give the child what the spool has. What goes wrong is told by the end of what the child makes."""
        assert child.stdin is not None
        chunks = self._spool.chunks(recording.id)
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                chunk = await self._unsealed(recording, chunk)
                child.stdin.write(encoder.HEAD.pack(encoder.CHUNK, len(chunk)) + chunk)
                async with asyncio.timeout(STALLED_S):
                    await child.stdin.drain()
            child.stdin.write(encoder.HEAD.pack(encoder.END, 0))
            child.stdin.close()
        except (StorageError, ConnectionError, TimeoutError) as error:
            made.trouble = error if isinstance(error, StorageError) else None
            if child.returncode is None:
                child.kill()

    async def _unsealed(self, recording: Recording, chunk: bytes) -> bytes:
        try:
            return await self._sealer.unseal(chunk, scope(recording.conversation_id), spool_place(recording.id))
        except StorageUnavailable:
            raise
        except StorageError as error:  # it was changed; waiting makes it no better, and others wait behind it
            raise _NotEncoded(str(error)) from error


class _NotEncoded(StorageError):
    """The encoder made no file of it."""


class _Made:
    """What comes out beside the file."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.peaks = bytearray()
        self.samples = 0
        self.whole = False
        self.trouble: StorageError | None = None
        """Why the child did not get everything."""


async def _ogg(child: asyncio.subprocess.Process, made: _Made) -> AsyncIterator[bytes]:
    """The file, as the child makes it; the rest of what it makes goes to `made`. Raises _NotEncoded."""
    async for kind, data in _parts(child):
        if kind == encoder.OGG:
            yield data
        elif kind == encoder.PEAKS:
            made.peaks += data
        else:
            (made.samples,) = struct.unpack("<Q", data)
            made.whole = True
    if made.trouble is not None:
        raise made.trouble
    if not made.whole or not made.samples:
        raise _NotEncoded("there is no sound in it" if made.whole else "the encoder broke off")


async def _parts(child: asyncio.subprocess.Process) -> AsyncIterator[tuple[int, bytes]]:
    assert child.stdout is not None
    while True:
        try:
            async with asyncio.timeout(STALLED_S):
                kind, size = encoder.HEAD.unpack(await child.stdout.readexactly(encoder.HEAD.size))
                data = await child.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            return
        except TimeoutError:
            raise _NotEncoded("the encoder stood still") from None
        yield kind, data
