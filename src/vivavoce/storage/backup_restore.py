"""Puts a backup back, into a place where there is nothing yet.

The whole backup is checked before anything is touched. Its rows come in one transaction: a restore that is broken off
leaves an empty database, and can be tried again. Whoever was signed in at the time of the backup, or had a token or
a link to something, has to get a new one: nobody knows which of them were revoked since. For the same reason consent
to recordings is asked for again. What was deleted since then, as far as a journal knows, is deleted again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Table, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vivavoce.errors import Conflict, StorageError
from vivavoce.storage.backup import VOUCHER, Progress
from vivavoce.storage.backup_archive import Reader, reading
from vivavoce.storage.backup_deletions import Deleted, apply
from vivavoce.storage.backup_tables import carried, parsed, set_counters, write_rows
from vivavoce.storage.blobs import Blobs
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.migrate import EMPTY, current, downgrade, known, upgrade
from vivavoce.storage.models import Blob, SearchState


@dataclass(frozen=True, slots=True)
class Restored:
    """`made_at` is the moment of the backup. `keys` are needed to read what is sealed in it."""

    made_at: int
    rows: int
    blobs: int
    deletions: int
    keys: list[str]


async def restore(
    path: Path,
    database: Database,
    blobs: Blobs,
    *,
    deletions: Sequence[Deleted] = (),
    clock: Clock = wall,
    progress: Progress = lambda what, done, of: None,
) -> Restored:
    """Bring back what `path` holds. Raises StorageError for a backup that is damaged, foreign or of a newer program,
    Conflict where the database or the blobs are not empty.
    """
    progress("checking the backup", 0, 0)
    with reading(path) as backup:
        manifest = backup.manifest
        if not known(manifest.revision):
            raise StorageError(
                f"{path} has the schema {manifest.revision}: it was made by a newer Vivavoce ({manifest.program})"
            )
        await _demand_nothing(database, blobs, backup)
        await _blobs(blobs, backup, progress)
        if await current(database) is not None:
            await downgrade(database, EMPTY)  # whose schema may be a later one
        await upgrade(database, manifest.revision)
        now = clock()
        async with database.loading() as connection:
            tables = {table.name: table for table in await connection.run_sync(carried)}
            await _rows(connection, tables, backup, progress)
            await set_counters(connection, tables.values(), manifest.counters)
            await apply(connection, tables, deletions, now)
            await _end_access(connection, tables, now)
            await _give_up(connection, tables, manifest.lost)
        await upgrade(database)
        await _make_index_anew(database)
        kept = await _remove_deleted(database, blobs, backup)
    return Restored(manifest.made_at, sum(manifest.tables.values()), kept, len(deletions), manifest.keys)


async def _demand_nothing(database: Database, blobs: Blobs, backup: Reader) -> None:
    if await current(database) is not None:
        async with database.snapshot() as connection:
            for table in await connection.run_sync(carried):
                if await connection.scalar(select(exists().select_from(table))):
                    raise Conflict(
                        f"there is something in the database already (rows of `{table.name}`): a backup is put back "
                        "into an empty one only; choose a new data folder or database"
                    )
    ours = set(backup.blobs())
    async for key in blobs.keys(""):
        if key not in ours:
            raise Conflict(f"there are blobs already (such as {key}): a backup is put back into an empty place only")


async def _blobs(blobs: Blobs, backup: Reader, progress: Progress) -> None:
    """Before the rows: a restore that is broken off then has left nothing that a row speaks of."""
    kinds = _content_types(backup)
    keys = backup.blobs()
    for number, key in enumerate(keys):
        progress("blobs", number, len(keys))
        stored = await blobs.put(key, _pieces(backup, key), kinds.get(key, "application/octet-stream"))
        wanted = backup.manifest.members[f"blobs/{key}"]
        if (stored.size, stored.sha256) != (wanted.size, wanted.sha256):
            raise StorageError(f"the blob store has kept something else than it was given for {key}")
    progress("blobs", len(keys), len(keys))


def _content_types(backup: Reader) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for header, *lines in backup.parts("blobs"):
        names = msgspec.json.decode(header, type=list[str])
        rows = (dict(zip(names, msgspec.json.decode(line, type=list[object]), strict=True)) for line in lines)
        kinds |= {str(row["key"]): str(row["content_type"]) for row in rows}
    return kinds


async def _pieces(backup: Reader, key: str) -> AsyncIterator[bytes]:
    for piece in backup.blob(key):
        yield piece


async def _rows(connection: AsyncConnection, tables: dict[str, Table], backup: Reader, progress: Progress) -> None:
    if strange := backup.manifest.tables.keys() - tables.keys():
        raise StorageError(f"the backup has a table `{min(strange)}`, which its schema has not")
    for name, table in tables.items():  # those first to which others refer
        count = 0
        for lines in backup.parts(name):
            found = parsed(table, lines)
            await write_rows(connection, table, found)
            count += len(found)
            progress(name, count, backup.manifest.tables.get(name, 0))
        if count != backup.manifest.tables.get(name, 0):
            raise StorageError(f"the backup has {count} rows of `{name}`, its manifest says another number")


async def _end_access(connection: AsyncConnection, tables: dict[str, Table], now: int) -> None:
    for name in ("api_tokens", "shares"):
        revoked = tables[name].c.revoked_at
        await connection.execute(update(tables[name]).where(revoked.is_(None)).values(revoked_at=now))
    keys, users = tables["signing_keys"], tables["users"]
    await connection.execute(delete(keys).where(keys.c.kid != VOUCHER))  # none of ours has others
    await connection.execute(update(users).values(epoch=users.c.epoch + 1, version=users.c.version + 1))
    await connection.execute(update(users).where(users.c.recording).values(recording=None, recording_at=None))


async def _give_up(connection: AsyncConnection, tables: dict[str, Table], lost: Iterable[str]) -> None:
    """Sounds that the backup has not: in a spool at that time, or gone before its end."""
    recordings, blobs = tables["recordings"], tables["blobs"]
    waiting = recordings.c.state.in_(("spooling", "pending"))
    await connection.execute(update(recordings).where(waiting).values(state="failed"))
    await connection.execute(delete(blobs).where(blobs.c.state == "pending"))
    for key in lost:
        await connection.execute(update(recordings).where(recordings.c.blob == key).values(state="gone"))
        await connection.execute(delete(blobs).where(blobs.c.key == key))


async def _make_index_anew(database: Database) -> None:
    """Search is not in a backup. This row says that the index is of an unknown kind, so a server makes it."""
    async with database.writing() as session:
        await session.execute(insert(SearchState).values(id=1, version=0, words=False, done=0))


async def _remove_deleted(database: Database, blobs: Blobs, backup: Reader) -> int:
    """Sounds that no row speaks of any more; how many are left. Where this is broken off, the sweeper does it."""
    async with database.reading() as session:
        ready = set(await session.scalars(select(Blob.key).where(Blob.state == "ready")))
    for key in backup.blobs():
        if key not in ready:
            await blobs.delete(key)
    async with database.writing() as session:
        await session.execute(delete(Blob).where(Blob.state == "gone"))
    return len(ready)
