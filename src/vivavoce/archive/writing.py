"""The archive's writing side in one piece: what a server opens, and gives its sessions to observe them.

    async with open_writing(parts, options) as archive:
        house = House(…, observe=archive.observe, resumes=archive.resumes)
        async with Sessions(house) as sessions:
            archive.attach(sessions)

Left in the other order: the sessions end first, then everything they said is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from vivavoce import aio
from vivavoce.archive.consent import Consents
from vivavoce.archive.journal import ConversationDraft, Journal, RecordingDraft
from vivavoce.archive.ledger import Ledger
from vivavoce.archive.news import LIVE, News
from vivavoce.archive.observer import ConversationObserver, Known, Terms
from vivavoce.archive.reading_back import Past
from vivavoce.archive.recordings import Recordings
from vivavoce.archive.repair import Repair
from vivavoce.archive.resumes import Holding, StoredResumes
from vivavoce.archive.rows import Batch
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.spool import RESERVE, Spool
from vivavoce.archive.spooling import Spooling
from vivavoce.archive.store import Store
from vivavoce.archive.writer import Writer
from vivavoce.conversation.observer import Observer, unobserved
from vivavoce.conversation.outputs import Output, Problem
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.snapshot import Snapshot
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.blobs import BlobIndex
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.bus.port import News as Heard
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

AGAIN_S: Final = 1.0
"""A part that broke begins anew after this."""
SWEEP_S: Final = 60.0
JUST_BEGUN_MS: Final = 5_000
CLOSING_S: Final = 10.0
"""What is left is written within this when the server stops."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the archive writes to."""

    database: Database
    blobs: BlobIndex
    bus: Bus
    sealer: Sealer
    index: SearchIndex
    clock: Clock = wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`gateway` names this data folder's process, the same after a restart. `backends` names what answers each stage
    (`asr`, `llm`, `tts`), for the inspector. `free` tells the bytes left on the disk, where not the disk itself does.
    """

    folder: Path
    """Of the spool."""
    gateway: str
    transcript_days: int = 365
    recording_days: int = 30
    spool_bytes: int = 2 << 30
    reserve_bytes: int = RESERVE
    backends: dict[str, str] = field(default_factory=dict)
    free: Callable[[], int] | None = None


class _Told(msgspec.Struct):
    topic: str = ""
    kind: str = ""
    owner: str = ""
    id: str = ""


class Writing:
    """Made by `open_writing`. Is the desk at which the observers hand in (observer.py `Desk`)."""

    def __init__(self, parts: Parts, options: Options) -> None:
        self.clock = parts.clock
        self.terms = Terms(options.gateway, options.transcript_days, options.recording_days, options.backends)
        self.journal = Journal()
        self._bus = parts.bus
        self._observers: dict[str, ConversationObserver] = {}
        """By conversation."""
        self._sessions: Sessions | None = None
        self.spool = Spool(options.folder, options.spool_bytes, options.free, options.reserve_bytes)
        self.news = News(parts.bus)
        past = Past(parts.database, parts.sealer)
        holding = Holding(options.gateway, self._release)
        self.resumes = StoredResumes(parts.database, parts.sealer, past, self.news, parts.clock, holding)
        self.ledger = Ledger(options.folder / "journal", parts.sealer)
        self.writer = Writer(
            self.journal,
            Store(parts.database, parts.sealer, parts.index),
            self.ledger,
            written=self._written,
            gone=self._gone,
            lost=self._lost,
        )
        self.consents = Consents(parts.database, parts.bus, options.recording_days)
        self.spooling = Spooling(
            self.spool, parts.sealer, settle=self._settling, complete=self._complete, room=self.consents.room
        )
        self.recordings = Recordings(
            parts.database,
            parts.blobs,
            parts.sealer,
            self.spool,
            self.news,
            clock=parts.clock,
            gateway=options.gateway,
        )
        self.repair = Repair(
            parts.database,
            parts.sealer,
            self.spool,
            parts.index,
            gateway=options.gateway,
            clock=parts.clock,
            recording_days=options.recording_days,
        )

    # ── for the sessions ──────────────────────────────────────────────────────────────────────

    def attach(self, sessions: Sessions) -> None:
        """Whom to tell that a session goes on elsewhere, or that nothing more can be kept."""
        self._sessions = sessions

    def observe(self, spec: SessionSpec, snapshot: Snapshot | None, tell: Callable[[Output], None]) -> Observer:
        """See conversation/observer.py `Observe`. Of guests nothing is kept."""
        if not spec.owner:
            return unobserved(spec, snapshot, tell)
        id = snapshot.conversation if snapshot is not None else new_id(self.clock)
        known = self.resumes.known.pop(id, None) if snapshot is not None else None
        if known is None:
            known = Known(_begun(spec, id, self.clock()))
        return ConversationObserver(spec, known, tell, self)

    # ── the desk ──────────────────────────────────────────────────────────────────────────────

    def begun(self, observer: ConversationObserver) -> None:
        self._observers[observer.draft.id] = observer
        self.consents.watch(observer.spec.owner, observer)

    def sound(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None:
        self.spooling.sound(recording, chunk, last=last)

    def ended(self, observer: ConversationObserver) -> None:
        self.consents.leave(observer.spec.owner, observer)
        if self._observers.get(observer.draft.id) is observer:
            del self._observers[observer.draft.id]

    # ── between the parts ─────────────────────────────────────────────────────────────────────

    def _settling(self) -> list[Callable[[float], None]]:
        return [observer.settle for observer in self._observers.values()]

    def _complete(self, recording: RecordingDraft) -> None:
        self.journal.recording(recording)

    def _written(self, batch: Batch) -> None:
        for row in batch.conversations:
            data = {
                "state": row.state,
                "turns": row.turns,
                "cuts": row.cuts,
                "response_ms": row.response_ms,
                "last_at": row.last_at,
            }
            self.news.live("conversations", row.owner_id, "created" if row.new else "changed", row.id, data)
        if any(row.state == "pending" for row in batch.recordings):
            self.recordings.nudge()

    def _gone(self, conversation: str) -> None:
        """It was deleted while it goes on: nothing more of it is kept, and no sound."""
        if observer := self._observers.get(conversation):
            observer.draft.gone = True
            observer.record("off")

    async def _hearing(self) -> None:
        """Of deletions, so that a microphone in a quiet room is not kept until somebody speaks. Missed news are made
        up for by the next row that cannot be written.
        """
        async with self._bus.subscribe(LIVE, self._heard, lambda: None):
            await asyncio.get_running_loop().create_future()

    def _heard(self, news: Heard) -> None:
        if b'"deleted"' not in news.payload:
            return
        try:
            told = msgspec.json.decode(news.payload, type=_Told)
        except msgspec.DecodeError:
            return
        if (told.topic, told.kind) != ("conversations", "deleted"):
            return
        for observer in tuple(self._observers.values()):
            # All of a person's are those from before; one that has just begun finds out for itself.
            all_of_them = not told.id and observer.draft.started_at < self.clock() - JUST_BEGUN_MS
            if observer.draft.owner == told.owner and (observer.draft.id == told.id or all_of_them):
                self._gone(observer.draft.id)

    def _release(self, owner: str, session: str) -> None:
        for observer in self._observers.values():
            if (observer.spec.owner, observer.spec.session_id) == (owner, session):
                observer.leave()
        if self._sessions is not None:
            self._sessions.release(owner, session)

    def _lost(self) -> None:
        """Nothing more can be promised: whoever is talking is told, and can begin again when it works."""
        problem = Problem(
            "storage_unavailable", "What you say cannot be kept at the moment.", True, True, retry_after_s=10.0
        )
        for observer in tuple(self._observers.values()):
            session = self._sessions and self._sessions.get(observer.spec.owner, observer.spec.session_id)
            if session:
                session.end(problem)

    # ── running ───────────────────────────────────────────────────────────────────────────────

    async def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Put in order what was left behind, then work. Raises StorageError when the database is not there."""
        await self.ledger.prepare()
        await self.writer.recover()
        await self.repair.at_start()
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "journal": self.writer.run,
            "news": self.news.run,
            "resumes": lambda: self.resumes.run(self._bus),
            "consents": self.consents.run,
            "deletions": self._hearing,
            "spool": self.spooling.run,
            "recordings": self.recordings.run,
            "sweep": self._sweeping,
        }
        return [aio.spawn(group, _supervised(name, work), f"archive: {name}") for name, work in works.items()]

    async def _sweeping(self) -> None:
        """For those that died elsewhere, and what was deleted meanwhile."""
        while True:
            await asyncio.sleep(SWEEP_S)
            active = self.spooling.active
            if self.writer.away:
                continue
            try:
                await self.repair.sweep()
                await self.repair.tidy(active | self.spooling.active)
            except StorageError as error:
                log.info("the sweep waits: %s", error)

    async def close(self) -> None:
        """Everything that was said is made durable, in the database or in a file."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await self.spooling.round()
                await self.writer.close()
                await self.resumes.flush()
        except (StorageError, TimeoutError) as error:
            log.warning("not everything could be written: %s", type(error).__name__)


@asynccontextmanager
async def open_writing(parts: Parts, options: Options) -> AsyncIterator[Writing]:
    """See the head of the module. Raises StorageError when the database cannot be reached at the start."""
    writing = Writing(parts, options)
    async with asyncio.TaskGroup() as group:
        try:
            works = await writing.start(group)
        except TimeoutError as error:
            raise StorageUnavailable("the database does not answer") from error
        try:
            yield writing
        finally:
            for work in works:
                await aio.settle(work)
            await writing.close()


def _begun(spec: SessionSpec, id: str, now: int) -> ConversationDraft:
    return ConversationDraft(
        id=id,
        owner=spec.owner,
        app=spec.app,
        app_version=spec.app_version,
        channel=spec.channel,
        kind=spec.kind,
        language=spec.language[:8],
        started_at=now,
        last_at=now,
    )


async def _supervised(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A fault in one part is logged, and the part begins anew: what it had in hand is in the journal or in a file."""
    while True:
        try:
            await work()
        except Exception:  # the supervisor of the archive's workers
            log.exception("the archive's %s broke and begins anew", name)
        await asyncio.sleep(AGAIN_S)
