"""Looking through the whole audit: does every row follow from the one before, and do the checkpoints vouch for it?

It reads in short transactions, so it may run for minutes beside a server that records and prunes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import desc, func, select

from vivavoce.accounts.chain import COLUMNS, ORIGIN, link, voucher
from vivavoce.accounts.checkpoints import EVERY, Checkpoint
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.keys import CHECKPOINTS, Keys
from vivavoce.storage.models import AuditCheckpoint, AuditEntry

PAGE: Final = 500
_COLUMNS: Final = [getattr(AuditEntry, column) for column in COLUMNS]

Progress = Callable[[int, int], None]
"""Called with the rows looked at so far, and the number of the last row there is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken_at` is the first row that is wrong or missing: nothing from there on is proven."""

    whole: bool
    rows: int
    vouched_to: int
    """The last row a checkpoint vouches for; later ones are only chained."""
    broken_at: int | None
    detail: str


class _Broken(Exception):
    def __init__(self, seq: int, why: str) -> None:
        self.seq = seq
        self.why = why


@dataclass(slots=True)
class _Walk:
    """How far we are: the last good row, its hash, the rows seen, the last row vouched for."""

    seq: int
    digest: bytes
    rows: int = 0
    vouched_to: int = 0


class AuditCheck:
    """Goes through the chain from its beginning."""

    def __init__(self, commons: Commons, keys: Keys) -> None:
        self._database = commons.database
        self._keys = keys

    async def run(self, progress: Progress | None = None, logged: Sequence[Checkpoint] = ()) -> Verdict:
        """`logged`: checkpoints as the log has them, which must be found again. Raises StorageUnavailable."""
        key = await self._keys.fixed(CHECKPOINTS)
        walk = _Walk(0, ORIGIN)
        try:
            await self._skip_pruned(walk, key)
            expected = {one.seq: one.mac for one in logged if one.seq > walk.seq}
            while page := await self._page(walk.seq):
                rows, marks, last = page
                if rows[0]["seq"] != walk.seq + 1 and await self._skip_pruned(walk, key):
                    continue
                await asyncio.to_thread(_check, walk, rows, marks, key, expected)
                if progress is not None:
                    progress(walk.seq, last)
            await self._check_end(walk, expected)
        except _Broken as broken:
            return Verdict(False, walk.rows, walk.vouched_to, broken.seq, f"row {broken.seq}: {broken.why}")
        return Verdict(True, walk.rows, walk.vouched_to, None, f"{walk.rows} rows, {_vouched(walk.vouched_to)}")

    async def _skip_pruned(self, walk: _Walk, key: bytes) -> bool:
        """Begin behind what was pruned. Whether that is further on than we are."""
        async with self._database.reading() as session:
            mark = await session.scalar(
                select(AuditCheckpoint).where(AuditCheckpoint.pruned).order_by(desc(AuditCheckpoint.seq)).limit(1)
            )
        if mark is None or mark.seq <= walk.seq:
            return False
        if mark.mac != voucher(key, mark.seq, mark.hash):
            raise _Broken(mark.seq, "the checkpoint at the end of what was pruned is not ours")
        walk.seq, walk.digest, walk.vouched_to = mark.seq, mark.hash, mark.seq
        return True

    async def _page(self, after: int) -> tuple[list[dict[str, Any]], dict[int, AuditCheckpoint], int] | None:
        """The next rows, the checkpoints at them, and the number of the last row there is."""
        async with self._database.reading() as session:
            found = await session.execute(
                select(*_COLUMNS, AuditEntry.hash).where(AuditEntry.seq > after).order_by(AuditEntry.seq).limit(PAGE)
            )
            rows = [dict(row) for row in found.mappings()]
            if not rows:
                return None
            marks = await session.scalars(
                select(AuditCheckpoint).where(AuditCheckpoint.seq > after, AuditCheckpoint.seq <= rows[-1]["seq"])
            )
            newest = await session.scalar(select(func.max(AuditCheckpoint.seq))) or 0
            by_seq = {mark.seq: mark for mark in marks}
            last = await session.scalar(select(func.max(AuditEntry.seq))) or 0
        due = range((after // EVERY + 1) * EVERY, min(rows[-1]["seq"], newest) + 1, EVERY)
        for seq in due:
            if seq not in by_seq:
                raise _Broken(seq, "its checkpoint has been removed")
        return rows, by_seq, last

    async def _check_end(self, walk: _Walk, expected: dict[int, bytes]) -> None:
        async with self._database.reading() as session:
            newest = await session.scalar(select(func.max(AuditCheckpoint.seq))) or 0
        furthest = max([newest, *expected])
        if furthest > walk.seq:
            raise _Broken(walk.seq + 1, f"the end is cut off: there were rows up to {furthest} at least")


def _check(
    walk: _Walk, rows: list[dict[str, Any]], marks: dict[int, AuditCheckpoint], key: bytes, expected: dict[int, bytes]
) -> None:
    for row in rows:
        seq = row["seq"]
        if seq != walk.seq + 1:
            raise _Broken(walk.seq + 1, "it is missing")
        if link(walk.digest, row) != row["hash"]:
            raise _Broken(seq, "it was changed, or the one before it was")
        if seq in marks:
            mark = marks[seq]
            if mark.hash != row["hash"] or mark.mac != voucher(key, seq, row["hash"]):
                raise _Broken(walk.vouched_to + 1, f"the rows from here to {seq} are not those that were vouched for")
            walk.vouched_to = seq
        if seq in expected and expected[seq] != voucher(key, seq, row["hash"]):
            raise _Broken(walk.vouched_to + 1, f"the rows from here to {seq} are not those the log vouches for")
        walk.seq, walk.digest, walk.rows = seq, row["hash"], walk.rows + 1


def _vouched(row: int) -> str:
    """How far a checkpoint goes; a young chain has none yet."""
    return (
        f"vouched for by a checkpoint up to row {row}" if row else "no checkpoint yet: the first comes within the hour"
    )
