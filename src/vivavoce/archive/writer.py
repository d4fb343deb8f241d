"""The writer: one task that makes what the journal has durable, in batches, whatever the database does.

    journal ──▶ batch ──▶ database
                  └──▶ ledger, when it takes longer than PROMPT_S or is away ──▶ database, later, in order

A batch is durable within 200 ms: what the database has not confirmed by then is in the ledger. While anything waits
there everything goes there, so that the order stays. When the ledger is full, or the database is away for `AWAY_S`,
nothing more can be promised: the conversations end, and say why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from vivavoce import aio
from vivavoce.archive.journal import ConversationDraft, Journal
from vivavoce.archive.ledger import Ledger
from vivavoce.archive.rows import Batch, merged
from vivavoce.archive.store import Store
from vivavoce.errors import Conflict, StorageError, StorageFull, StorageUnavailable

log = logging.getLogger(__name__)

GATHER_S: Final = 0.1
"""What happens within it is written at once."""
PROMPT_S: Final = 0.07
"""For so long the database is waited for before a batch is kept otherwise."""
GIVE_UP_S: Final = 3.0
"""A write that takes longer is broken off; writing it again does no harm."""
PROGRESS_S: Final = 1.0
TRY_AGAIN_S: Final = 0.5
AWAY_S: Final = 300.0
MOST_ROWS: Final = 400
"""Of what waited, so many go into one transaction."""

Written = Callable[[Batch], None]


class Writer:
    """`lost` is called again and again while nothing can be promised; `gone` for a conversation that was deleted."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        ledger: Ledger,
        *,
        written: Written,
        gone: Callable[[str], None],
        lost: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._store = store
        self._ledger = ledger
        self._written = written
        self._gone = gone
        self._lost = lost
        self._due = asyncio.Event()
        self._order = asyncio.Lock()
        """Held by whoever adds to the ledger or empties it."""
        self._away_at: float | None = None
        self._held: list[Batch] = []
        """Batches that the ledger had no room for. The conversations they are of have been ended."""
        self._slow: asyncio.Task[bool] | None = None
        """A write that took so long that its batch went into the ledger as well; it ends by itself."""
        self._taken: tuple[Batch, list[ConversationDraft]] = Batch(), []
        """What is being written: a writer that is stopped in the middle of it begins with it again."""
        journal.wake = self._due.set

    @property
    def promising(self) -> bool:
        """What is given to it will be durable in time."""
        late = self._away_at is not None and aio.now() - self._away_at > AWAY_S
        return not late and not self._held

    @property
    def behind_s(self) -> float:
        """For so long rows have been waiting for the database."""
        return 0.0 if self._away_at is None else aio.now() - self._away_at

    @property
    def away(self) -> bool:
        """Rows wait for the database."""
        return self._ledger.waiting or bool(self._held)

    async def run(self) -> None:
        """Until cancelled; `close` writes what is left."""
        async with asyncio.TaskGroup() as group:
            aio.spawn(group, self._recovering(), "archive: recovery")
            await self._writing(group)

    async def _writing(self, group: asyncio.TaskGroup) -> None:
        progress_at = aio.now()
        while True:
            try:
                async with asyncio.timeout(PROGRESS_S):
                    await self._due.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass
            self._due.clear()
            # While rows wait, only what somebody said and how it ended is added: the ledger must last.
            with_progress = not self.away and aio.now() - progress_at >= PROGRESS_S
            if with_progress:
                progress_at = aio.now()
            await self._next(group, progress=with_progress)
            if not self.promising:
                self._lost()

    async def close(self) -> None:
        """What is left is made durable: in the database, or in the ledger for the next start."""
        async with asyncio.TaskGroup() as group:
            await self._next(group)
            await self._next(group)
        if self.away:
            await self._try_recovery()

    # ── one batch ─────────────────────────────────────────────────────────────────────────────

    async def _next(self, group: asyncio.TaskGroup, *, progress: bool = True) -> None:
        """What was broken off, else what has changed since."""
        if not self._taken[0]:
            self._taken = self._journal.take(progress=progress)
        await self._write(*self._taken, group)
        self._taken = Batch(), []

    async def _write(self, batch: Batch, drafts: list[ConversationDraft], group: asyncio.TaskGroup) -> None:
        if not batch:
            return
        if self.away:
            await self._keep(batch)
        else:
            writing = aio.spawn(group, self._direct(batch), "archive: write")
            await asyncio.wait([writing], timeout=PROMPT_S)
            if not writing.done():
                self._slow = writing  # nobody waits for it: what is said next has its 200 ms, too
                await self._keep(batch)
            elif not writing.result():
                await self._keep(batch)
        for draft in drafts:
            draft.new = False

    async def _direct(self, batch: Batch) -> bool:
        """Whether it is in the database."""
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await self._stored(batch, late=False)
        except (StorageError, TimeoutError) as error:
            log.warning("the database is away, what is said is kept in a file: %s", type(error).__name__)
            return False
        return True

    async def _keep(self, batch: Batch) -> None:
        if self._away_at is None:
            self._away_at = aio.now()
        try:
            if self._held:
                raise StorageFull
            async with self._order:
                await self._ledger.add(batch)
        except StorageError:
            self._held.append(batch)

    async def _stored(self, batch: Batch, *, late: bool) -> None:
        """Write it. Raises StorageUnavailable and StorageFull; what the database refuses is given up, and logged."""
        try:
            gone = await self._store.write(batch, late=late)
        except (StorageUnavailable, StorageFull):
            raise
        except (StorageError, Conflict):
            gone = await self._one_by_one(batch, late=late)
        for conversation in gone:
            self._gone(conversation)
        self._written(batch)

    async def _one_by_one(self, batch: Batch, *, late: bool) -> set[str]:
        """Something in it cannot be written, most likely since its person or conversation was deleted just now."""
        gone: set[str] = set()
        for conversation in sorted(batch.ids()):
            try:
                gone |= await self._store.write(batch.of(conversation), doubtful=True, late=late)
            except (StorageUnavailable, StorageFull):
                raise
            except (StorageError, Conflict) as error:
                log.error("conversation %s cannot be written: %s", conversation, error)
                gone.add(conversation)
        return gone

    # ── afterwards ────────────────────────────────────────────────────────────────────────────

    async def _recovering(self) -> None:
        while True:
            await asyncio.sleep(TRY_AGAIN_S)
            if self.away:
                await self._try_recovery()

    async def recover(self) -> None:
        """Write everything that waits, in order. Raises StorageError."""
        if self._slow is not None:  # an older row must not come after a newer one
            await asyncio.wait([self._slow])
            self._slow = None
        done = 0
        while self._ledger.waiting:
            batches = (await self._ledger.batches())[done:]
            for batch in merged(batches, MOST_ROWS):
                async with asyncio.timeout(GIVE_UP_S * 2):
                    await self._stored(batch, late=True)
            done += len(batches)
            async with self._order:
                if self._ledger.count == done:
                    await self._ledger.clear()
        while self._held:
            await self._stored(self._held[0], late=True)
            del self._held[0]
        self._away_at = None

    async def _try_recovery(self) -> None:
        try:
            await self.recover()
        except (StorageError, TimeoutError):
            return
        log.info("the database is back, and what was kept meanwhile is in it")
