"""Keys of keys: where they are kept, and how one follows the other, also when somebody pulls the plug."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from vivavoce.errors import ConfigError
from vivavoce.storage.clock import wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import DataKey
from vivavoce.storage.sealing import KeyRing, files, key_ring
from vivavoce.storage.sealing.keys import StoredKeys
from vivavoce.storage.sealing.ring import Kek
from vivavoce.storage.sealing.rotation import Use, check, rewrap, unfinished, uses
from vivavoce.storage.sealing.sealer import EnvelopeSealer
from vivavoce.testing.conformance_storage import chunks_of, whole


def ring_of(path: Path) -> KeyRing:
    ring = key_ring(file=str(path))
    assert ring is not None
    return ring


def sealer_of(database: Database, ring: KeyRing) -> EnvelopeSealer:
    return EnvelopeSealer(StoredKeys(database, ring, wall))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with one key."""
    files.create(tmp_path / "data.keys")
    return tmp_path / "data.keys"


# ── the file ──


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.keys"
    key = files.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.id for one in ring_of(path)] == [key.id]
    with pytest.raises(ConfigError, match="there already"):
        files.create(path)
    assert ring_of(path).first.id == key.id


def test_a_key_shows_nowhere(path: Path) -> None:
    key = ring_of(path).first
    assert key.text not in repr(key)
    with pytest.raises(ConfigError) as refused:
        Kek.parse(key.text[:-1], "here")
    assert key.text[:10] not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        key_ring(file=str(path))


def test_what_is_no_file_of_keys_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, content in (
        ("empty", b"# nothing\n"),
        ("short", b"c2hvcnQ="),
        ("binary", b"\xff\xfe"),
        ("big", b"#" * 99_999),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    for name in ("link", "pipe", "empty", "short", "binary", "big", "absent", "."):
        with pytest.raises(ConfigError):
            key_ring(file=str(tmp_path / name))


def test_keys_come_from_a_value_too(path: Path) -> None:
    one, two = Kek.new(), Kek.new()
    ring = key_ring(value=f" {one.text}, {two.text} ")
    assert ring is not None
    assert [key.id for key in ring] == [one.id, two.id]
    assert (key_ring(value="  "), key_ring()) == (None, None)
    with pytest.raises(ConfigError, match="twice"):
        key_ring(value=f"{one.text} {one.text}")
    both = key_ring(file=str(path), value=one.text)
    assert both is not None
    assert both.first.id == ring_of(path).first.id


def test_a_running_server_finds_a_key_that_was_added(path: Path) -> None:
    ring = ring_of(path)
    old = ring.first.id
    added = files.add(path).first.id
    assert ring.get(added) is not None
    assert [key.id for key in ring] == [added, old]


def test_a_file_that_becomes_unusable_closes_nothing_that_was_open(path: Path) -> None:
    ring = ring_of(path)
    path.write_text("nonsense")
    assert ring.get("0" * 16) is None
    assert len(list(ring)) == 1


# ── rotation ──


@pytest.mark.real
async def test_after_a_rotation_everything_opens_and_the_old_key_may_go(database: Database, path: Path) -> None:
    server = sealer_of(database, ring_of(path))  # it goes on while the command runs
    row = await server.seal(b"before", "conversation:1", "p")
    blob = await whole(server.seal_blob(chunks_of(b"sound"), "blob:a"))
    old = ring_of(path).first.id
    with pytest.raises(ConfigError, match="the key that seals"):
        await files.drop(database, path, old)

    ring = files.add(path)
    new = ring.first.id
    with pytest.raises(ConfigError, match="still wraps 2 data keys"):
        await files.drop(database, path, old)
    assert await unfinished(database, ring)
    assert await rewrap(database, ring) == 2
    assert await uses(database, ring) == [Use(new, 2, here=True), Use(old, 0, here=True)]

    assert await server.unseal(row, "conversation:1", "p") == b"before"
    after = await server.seal(b"after", "conversation:2", "p")
    assert after[4:12].hex() == new
    await files.drop(database, path, old)
    await check(database, ring_of(path))
    later = sealer_of(database, ring_of(path))
    assert await later.unseal(row, "conversation:1", "p") == b"before"
    assert await later.unseal(after, "conversation:2", "p") == b"after"
    assert await whole(later.unseal_blob(chunks_of(blob), "blob:a")) == b"sound"


@pytest.mark.real
async def test_what_is_sealed_after_a_rotation_has_a_new_data_key(sqlite: Database, path: Path) -> None:
    before = await sealer_of(sqlite, ring_of(path)).seal(b"x", "conversation:1", "p")
    ring = files.add(path)
    await rewrap(sqlite, ring)
    after = await sealer_of(sqlite, ring).seal(b"x", "conversation:1", "p")
    assert (before[4:12].hex(), after[4:12].hex()) == ([key.id for key in ring][1], ring.first.id)
    async with sqlite.reading() as session:
        assert len(list(await session.scalars(select(DataKey.id)))) == 2


@pytest.mark.real
async def test_a_rotation_without_the_old_key_is_refused_by_its_id(sqlite: Database, path: Path) -> None:
    await sealer_of(sqlite, ring_of(path)).seal(b"x", "conversation:1", "p")
    other = KeyRing([Kek.new()], "elsewhere")
    with pytest.raises(ConfigError, match=ring_of(path).first.id):
        await rewrap(sqlite, other)


_DIES = """
import asyncio, os, signal, sys
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import files
from vivavoce.storage.sealing.rotation import rewrap
from pathlib import Path

async def main():
    ring = files.add(Path(sys.argv[2]))
    async with Database.open(sys.argv[1]) as database:
        await rewrap(database, ring, lambda done: os.kill(os.getpid(), signal.SIGKILL), step=10)

asyncio.run(main())
"""


@pytest.mark.real
async def test_a_rotation_that_is_killed_goes_on_when_it_is_run_again(
    sqlite: Database, sqlite_url: str, path: Path
) -> None:
    sealer = sealer_of(sqlite, ring_of(path))
    total = 25
    stored: list[bytes] = []
    for n in range(total):
        stored.append(await sealer.seal(b"%d" % n, f"conversation:{n}", "p"))
    died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", _DIES, sqlite_url, str(path)])
    assert died.returncode == -signal.SIGKILL

    ring = ring_of(path)
    assert [use.data_keys for use in await uses(sqlite, ring)] == [10, 15]
    await check(sqlite, ring)
    for opener in (sealer, sealer_of(sqlite, ring)):
        assert [await opener.unseal(one, f"conversation:{n}", "p") for n, one in enumerate(stored)] == [
            b"%d" % n for n in range(total)
        ]
    assert await rewrap(sqlite, ring) == 15
    assert not await unfinished(sqlite, ring)
    await files.drop(sqlite, path, [key.id for key in ring][1])
    last = sealer_of(sqlite, ring_of(path))
    assert await last.unseal(stored[-1], f"conversation:{total - 1}", "p") == b"%d" % (total - 1)
