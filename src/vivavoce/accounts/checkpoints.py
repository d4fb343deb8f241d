"""Checkpoints of the audit: each 1,000 rows, and each hour in which there were any.

A checkpoint vouches for the chain up to its row with a key (see keys.py), and is written to the log too: whoever cuts
the end of the chain off and writes another one would have to forge the log as well.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, desc, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import SYSTEM, Actor
from vivavoce.accounts.audit import head
from vivavoce.accounts.chain import voucher
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.keys import CHECKPOINTS, Keys
from vivavoce.storage.clock import DAY, HOUR
from vivavoce.storage.models import AuditCheckpoint, AuditEntry

log = logging.getLogger(__name__)

EVERY: Final = 1_000
KEPT: Final = 400 * DAY
AT_ONCE: Final = 10_000
"""Rows that are pruned in one transaction."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a line in the log says."""

    seq: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac.hex()}"


class Checkpoints:
    """Makes them, and prunes up to one."""

    def __init__(self, commons: Commons, keys: Keys) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._clock = commons.clock
        self._keys = keys

    async def make_due(self) -> list[Checkpoint]:
        """Those that are due now; two processes make them once. Raises StorageUnavailable."""
        async with self._database.reading() as session:
            if not await self._due(session):
                return []
        key = await self._keys.fixed(CHECKPOINTS)
        async with self._database.writing() as session:
            await self._audit.locked(session)
            due = await self._due(session)
            made = [Checkpoint(seq, voucher(key, seq, digest)) for seq, digest in due]
            for checkpoint, (_, digest) in zip(made, due, strict=True):
                await session.execute(
                    insert(AuditCheckpoint).values(
                        seq=checkpoint.seq, at=self._clock(), hash=digest, mac=checkpoint.mac, pruned=False
                    )
                )
        for checkpoint in made:
            log.info("audit checkpoint %s", checkpoint)
        return made

    async def prune_old(self) -> int:
        """Drop what is older than `KEPT`."""
        before = self._clock() - KEPT
        async with self._database.reading() as session:
            first = await session.scalar(select(AuditEntry.at).order_by(AuditEntry.seq).limit(1))
        return await self.prune(SYSTEM, before) if first is not None and first < before else 0

    async def prune(self, actor: Actor, before: int) -> int:
        """Drop whole segments all of whose rows are older than `before` (ms); how many rows went."""
        count = 0
        while some := await self._prune_some(actor, before):
            count += some
        return count

    async def _prune_some(self, actor: Actor, before: int) -> int:
        """In a transaction short enough for all the others who wait to record."""
        async with self._database.writing() as session:
            await self._audit.locked(session)
            first = await session.scalar(select(func.min(AuditEntry.seq)))
            kept = await session.scalar(select(func.min(AuditEntry.seq)).where(AuditEntry.at >= before))
            if first is None:
                return 0
            segments = select(func.max(AuditCheckpoint.seq)).where(
                AuditCheckpoint.seq >= first, AuditCheckpoint.seq < first + AT_ONCE
            )
            upto = await session.scalar(segments if kept is None else segments.where(AuditCheckpoint.seq < kept))
            if upto is None:
                return 0
            # First the mark, then the rows: the trigger lets only marked ones go.
            await session.execute(update(AuditCheckpoint).where(AuditCheckpoint.seq == upto).values(pruned=True))
            await session.execute(delete(AuditEntry).where(AuditEntry.seq <= upto))
            await session.execute(delete(AuditCheckpoint).where(AuditCheckpoint.seq < upto))
            count: int = upto - first + 1
            await self._audit.record(session, actor, "audit.prune", "audit", str(upto), rows=count)
        return count

    async def _due(self, session: AsyncSession) -> list[tuple[int, bytes]]:
        """Number and hash of each row that needs one: every thousandth, and the last when an hour has gone by."""
        last = (
            await session.execute(
                select(AuditCheckpoint.seq, AuditCheckpoint.at).order_by(desc(AuditCheckpoint.seq)).limit(1)
            )
        ).first()
        done, at = (last[0], last[1]) if last else (0, None)
        seq, digest = await head(session)
        if seq == done:
            return []
        wanted = list(range((done // EVERY + 1) * EVERY, seq + 1, EVERY))
        due = [
            (row[0], row[1])
            for row in await session.execute(
                select(AuditEntry.seq, AuditEntry.hash).where(AuditEntry.seq.in_(wanted)).order_by(AuditEntry.seq)
            )
        ]
        if at is None:
            oldest = select(AuditEntry.at).order_by(AuditEntry.seq).limit(1)
            at = await session.scalar(oldest) or 0
        if (not due or due[-1][0] < seq) and self._clock() - at >= HOUR:
            due.append((seq, digest))
        return due
