"""Makes a backup while everything goes on: rows of one moment, and the blobs that they name.

    with progress: report = await back_up(database, blobs, Path("vivavoce-2026-11-26.tar"))

What is in it: backup_archive.py. Of secrets there are password hashes and the key that vouches for the audit (sealed
where sealing is on); sign-ins, links and keys of access tokens are not carried, so nobody can come in with what he
finds in a backup. What is sealed stays sealed: without the keys (data.keys), which belong somewhere else, its words
and sounds cannot be read, by nobody, for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vivavoce import __version__
from vivavoce.errors import Missing, StorageError
from vivavoce.storage.backup_archive import Manifest, Writer, packed, writing
from vivavoce.storage.backup_tables import Parts, carried, counters, rows
from vivavoce.storage.blobs import Blobs
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.migrate import current

VOUCHER: Final = "checkpoints"
"""The one signing key that is carried: what it has vouched for is in the audit."""
_IN_MEMORY: Final = 8 << 20
"""A larger blob waits in a temporary file until its checksum is known."""

Progress = Callable[[str, int, int], None]
"""What is being done, how many of how many; 0 of 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class Report:
    """`lost` blobs were deleted meanwhile; `damaged` ones are not what was stored once, and are left out. `keys` are
    the names of those that the sealed part cannot be read without.
    """

    rows: int
    blobs: int
    size: int
    lost: list[str]
    damaged: list[str]
    keys: list[str]


async def back_up(
    database: Database,
    blobs: Blobs,
    path: Path,
    *,
    clock: Clock = wall,
    progress: Progress = lambda what, done, of: None,
) -> Report:
    """Write a new backup at `path`: whole, or not at all. Raises Conflict when there is something, StorageError."""
    revision = await current(database)
    if revision is None:
        raise StorageError("there is nothing to back up: the database has no schema yet")
    with writing(path) as archive:
        async with database.snapshot() as connection:
            tables = await connection.run_sync(carried)
            made_at = clock()
            counts = {str(table.name): await _table(connection, archive, table, progress) for table in tables}
            last = await counters(connection, tables)
            named = await _named(connection, tables)
            keys = await _keys(connection, tables)
        lost, damaged = [], []
        for number, (key, sha256) in enumerate(named):
            progress("blobs", number, len(named))
            try:
                sound = await _blob(blobs, archive, key, sha256)
            except Missing:
                lost.append(key)
            else:
                if not sound:
                    damaged.append(key)
        progress("blobs", len(named), len(named))
        archive.finish(
            Manifest(
                program=__version__,
                revision=revision,
                made_at=made_at,
                tables=counts,
                counters=last,
                members=dict(archive.members),
                lost=lost + damaged,
                keys=keys,
            )
        )
        carried_blobs = len(named) - len(lost) - len(damaged)
        size = sum(member.size for member in archive.members.values())
    return Report(sum(counts.values()), carried_blobs, size, lost, damaged, keys)


async def _table(connection: AsyncConnection, archive: Writer, table: Table, progress: Progress) -> int:
    parts = Parts(table)
    count = number = 0

    async def keep(lines: list[bytes] | None) -> None:
        nonlocal number
        if lines is not None:
            number += 1
            archive.add_bytes(f"tables/{table.name}/{number:06}.jsonl.gz", await asyncio.to_thread(packed, lines))

    async for row in rows(connection, table):
        if not _goes(table, row):
            continue
        count += 1
        if count % 1000 == 0:
            progress(table.name, count, 0)
        await keep(parts.add(row))
    await keep(parts.rest())
    return count


def _goes(table: Table, row: list[Any]) -> bool:
    return table.name != "signing_keys" or row[list(table.columns.keys()).index("kid")] == VOUCHER


async def _named(connection: AsyncConnection, tables: list[Table]) -> list[tuple[str, str]]:
    """Key and checksum of every blob that is there for good."""
    (blobs,) = (table.c for table in tables if table.name == "blobs")
    query = select(blobs.key, blobs.sha256).where(blobs.state == "ready").order_by(blobs.key)
    return [(key, sha256) for key, sha256 in await connection.execute(query)]


async def _keys(connection: AsyncConnection, tables: list[Table]) -> list[str]:
    (keys,) = (table.c for table in tables if table.name == "data_keys")
    return [kek for (kek,) in await connection.execute(select(keys.kek).distinct().order_by(keys.kek))]


async def _blob(blobs: Blobs, archive: Writer, key: str, sha256: str) -> bool:
    """False when its bytes are not those that were stored. Raises Missing."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
        digest, size = hashlib.sha256(), 0
        async for piece in blobs.get(key):
            digest.update(piece)
            size += len(piece)
            content.write(piece)
        if digest.hexdigest() != sha256:
            return False
        content.seek(0)
        await asyncio.to_thread(archive.add, f"blobs/{key}", _file(content), size, sha256)
    return True


def _file(content: tempfile.SpooledTemporaryFile[bytes]) -> IO[bytes]:
    return content
