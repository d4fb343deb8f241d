"""The journal of deletions on disk: complete, in order, whole after a crash."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from vivavoce.accounts import users
from vivavoce.archive import deletion
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.backup_deletions import CONVERSATION, HISTORY, LATE, USER, Deleted, Journal, read
from vivavoce.storage.database import Database
from vivavoce.storage.models import Deletion

pytestmark = pytest.mark.real


async def forget(database: Database, *objects: str, **row: int) -> None:
    async with database.writing() as session:
        session.add_all(Deletion(kind="conversation", object_id=one, at=5, **row) for one in objects)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deletions.jsonl"


async def test_it_follows_the_table(database: Database, path: Path) -> None:
    journal = Journal(database, path)
    assert await journal.follow() == 0
    await forget(database, "a", "b")
    assert await journal.follow() == 2
    await forget(database, "c")
    assert await journal.follow() == 1
    assert await journal.follow() == 0
    assert read(path) == [Deleted(number, "conversation", name, 5) for number, name in enumerate("abc", 1)]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_next_start_goes_on_with_the_file(sqlite: Database, path: Path) -> None:
    await forget(sqlite, "a", "b")
    await Journal(sqlite, path).follow()
    await forget(sqlite, "c")
    await Journal(sqlite, path).follow()
    assert [one.object for one in read(path)] == ["a", "b", "c"]


async def test_a_row_that_became_visible_late_is_not_missed(sqlite: Database, path: Path) -> None:
    journal = Journal(sqlite, path)
    await forget(sqlite, "second", id=12)
    await journal.follow()
    await forget(sqlite, "first", id=11)
    await journal.follow()
    assert [one.object for one in read(path)] == ["second", "first"]


async def test_what_it_remembers_does_not_grow_with_the_years(sqlite: Database, path: Path) -> None:
    journal = Journal(sqlite, path)
    for first in range(0, 5 * LATE, LATE):
        await forget(sqlite, *(f"{number}" for number in range(first, first + LATE)))
        assert await journal.follow() == LATE
    assert await journal.follow() == 0
    assert len(read(path)) == 5 * LATE
    assert journal.remembered <= LATE


async def test_half_a_line_of_a_crash_is_written_anew(sqlite: Database, path: Path) -> None:
    await forget(sqlite, "a", "b")
    await Journal(sqlite, path).follow()
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert [one.object for one in read(path)] == ["a"]
    await Journal(sqlite, path).follow()
    assert path.read_bytes() == whole


async def test_a_disk_that_refuses_is_made_up_for(sqlite: Database, path: Path) -> None:
    journal = Journal(sqlite, path)
    await forget(sqlite, "a")
    path.mkdir()
    with pytest.raises(StorageUnavailable):
        await journal.follow()
    path.rmdir()
    assert await journal.follow() == 1


async def test_a_link_in_its_place_is_not_followed(sqlite: Database, path: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", path)
    await forget(sqlite, "a")
    with pytest.raises(StorageUnavailable):
        await Journal(sqlite, path).follow()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("line", [b"{}", b"nonsense", b'{"id":1,"kind":"user","object":5,"at":1}', b"\xff", b""])
async def test_a_line_of_something_else_is_refused(path: Path, line: bytes) -> None:
    path.write_bytes(b'{"id":1,"kind":"user","object":"a","at":1}\n' + line + b"\n")
    with pytest.raises(StorageError, match="line 2"):
        read(path)


async def serve_a_moment(journal: Journal) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await journal.run()


async def test_a_server_keeps_it_and_lives_through_what_goes_wrong(sqlite: Database, path: Path) -> None:
    await forget(sqlite, "a")
    path.mkdir()
    await serve_a_moment(Journal(sqlite, path))
    path.rmdir()
    await serve_a_moment(Journal(sqlite, path))
    assert [one.object for one in read(path)] == ["a"]


def test_it_speaks_of_what_the_rooms_above_delete() -> None:
    assert {CONVERSATION, HISTORY} == {deletion.CONVERSATION, deletion.HISTORY}
    assert users.USER == USER
