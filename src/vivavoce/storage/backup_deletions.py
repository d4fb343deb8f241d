"""What was deleted stays deleted, also when a backup of before is put back.

Each deletion has a row in the table `deletions`, written in its own transaction. A backup ends at its moment, so a
running server also writes the rows to a file (`deletions.jsonl`, a line of JSON each), which belongs beside the
backups: `vivavoce restore` deletes again whatever it names.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Select, Table, delete, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vivavoce.errors import StorageError
from vivavoce.storage.database import Database
from vivavoce.storage.folder import refusal, sync_folder
from vivavoce.storage.models import Deletion

USER: Final = "user"
CONVERSATION: Final = "conversation"
HISTORY: Final = "history"
"""Kinds: a person with everything of his, one conversation, all conversations of a person that had begun by then."""
LATE: Final = 1_000
"""On PostgreSQL a row may become visible after ones with higher numbers: so many are looked at again each time."""
FOLLOW_S: Final = 10.0
"""How late the journal may be."""
_LONGEST: Final = 1_000
"""Bytes of a line."""

Tables = dict[str, Table]

_log = logging.getLogger(__name__)


class Deleted(msgspec.Struct, frozen=True):
    """`id` is that of the row, `object` of what was deleted, `at` in ms since 1970."""

    id: int
    kind: str
    object: str
    at: int


class Journal:
    """The file of a running server, which `run` keeps."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._path = path
        self._written: set[int] | None = None

    @property
    def remembered(self) -> int:
        """Rows it knows to be in the file; older ones are not looked at again."""
        return len(self._written or ())

    async def run(self) -> None:
        """Follow until cancelled. While it cannot, the log says so once, and it is made up for later."""
        well = True
        while True:
            try:
                await self.follow()
                well = True
            except StorageError as error:
                if well:
                    _log.warning("the journal of deletions falls behind: %s", error.message)
                well = False
            await asyncio.sleep(FOLLOW_S)

    async def follow(self) -> int:
        """Append what the file has not yet, durably; how many that were.

        Raises StorageUnavailable or StorageFull; then the next call makes up for it.
        """
        if self._written is None:
            self._written = await asyncio.to_thread(_ids, self._path)
        since = max(self._written, default=0) - LATE
        query = select(Deletion.id, Deletion.kind, Deletion.object_id, Deletion.at).where(Deletion.id > since)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(Deletion.id))
            new = [Deleted(*row) for row in rows if row[0] not in self._written]
        if new:
            await asyncio.to_thread(_append, self._path, new)  # it waits for the disk, and people are talking
            self._written.update(one.id for one in new)
            since = max(self._written) - LATE
            self._written = {number for number in self._written if number > since}
        return len(new)


def _ids(path: Path) -> set[int]:
    """Of what the file has; nothing where there is none yet."""
    return {one.id for one in read(path)} if path.exists() else set()


def read(path: Path) -> list[Deleted]:
    """The journal in a file. A line that a crash has cut off at its end is none. Raises StorageError for others."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise refusal(error, path) from error
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what comes after the last line break was not written to its end
        try:
            found.append(msgspec.json.decode(line[:_LONGEST], type=Deleted))
        except msgspec.DecodeError as error:
            raise StorageError(f"{path}, line {number}: no deletion of ours: {error}") from error
    return found


def _append(path: Path, new: Sequence[Deleted]) -> None:
    try:
        fresh = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(handle, "r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)  # over what a crash has cut off
            file.truncate()
            file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in new))
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            sync_folder(path.parent)
    except OSError as error:
        raise refusal(error, path) from error


async def apply(connection: AsyncConnection, tables: Tables, deleted: Iterable[Deleted], now: int) -> None:
    """Delete again, in the transaction of `connection`. Blobs are marked, for their bytes to be removed after it."""
    conversations, journal = tables["conversations"].c, tables["deletions"]
    known = select(journal.c.kind, journal.c.object_id, journal.c.at)
    remembered = {tuple(row) for row in await connection.execute(known)}
    for one in sorted(deleted, key=lambda one: one.at):
        if one.kind == USER:
            await _forget_user(connection, tables, one.object, now)
        elif one.kind == CONVERSATION:
            await _forget(connection, tables, conversations.id == one.object, now)
        elif one.kind == HISTORY:
            before = (conversations.owner_id == one.object) & (conversations.started_at <= one.at)
            await _forget(connection, tables, before, now)
            await _forget_counts(connection, tables, one.object, one.at)
        else:
            raise StorageError(f"the journal names a {one.kind!r} as deleted, which only a newer program knows")
        if (one.kind, one.object, one.at) not in remembered:
            await connection.execute(insert(journal).values(kind=one.kind, object_id=one.object, at=one.at))


async def _forget_user(connection: AsyncConnection, tables: Tables, user: str, now: int) -> None:
    await _forget(connection, tables, tables["conversations"].c.owner_id == user, now)
    blobs, users = tables["blobs"].c, tables["users"]
    await _blobs_gone(connection, tables, select(blobs.key).where(blobs.owner_id == user), now)
    if (counts := tables.get("activity")) is not None:
        await connection.execute(delete(counts).where(counts.c.owner_id == user))
    await connection.execute(delete(users).where(users.c.id == user))


async def _forget(connection: AsyncConnection, tables: Tables, which: ColumnElement[bool], now: int) -> None:
    """Conversations with all that hangs on them; most goes with their rows."""
    conversations, recordings, keys = tables["conversations"], tables["recordings"], tables["data_keys"]
    ids = select(conversations.c.id).where(which)
    sounds = select(recordings.c.blob).where(recordings.c.conversation_id.in_(ids))
    await _blobs_gone(connection, tables, sounds, now)
    scopes = select(literal("conversation:") + conversations.c.id).where(which)
    await connection.execute(delete(keys).where(keys.c.scope.in_(scopes)))
    await connection.execute(delete(conversations).where(which))


async def _forget_counts(connection: AsyncConnection, tables: Tables, user: str, until: int) -> None:
    if (counts := tables.get("activity")) is not None:  # the first schema has none
        await connection.execute(delete(counts).where(counts.c.owner_id == user, counts.c.at <= until))


async def _blobs_gone(connection: AsyncConnection, tables: Tables, which: Select[tuple[str]], now: int) -> None:
    blobs, keys = tables["blobs"], tables["data_keys"]
    chosen = blobs.c.key.in_(which)
    scopes = select(literal("blob:") + blobs.c.key).where(chosen)
    await connection.execute(delete(keys).where(keys.c.scope.in_(scopes)))
    await connection.execute(update(blobs).where(chosen).values(state="gone", expires_at=now))
