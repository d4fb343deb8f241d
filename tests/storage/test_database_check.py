"""A server does not start on a database that would cost somebody their data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from vivavoce.errors import ConfigError, StorageError, StorageUnavailable
from vivavoce.storage.database import Database
from vivavoce.storage.database_check import prepare
from vivavoce.storage.migrate import current, latest
from vivavoce.testing import services
from vivavoce.testing.rows import fill

pytestmark = pytest.mark.real


async def start(url: str) -> None:
    async with Database.open(url) as database:
        await prepare(database)


async def filled(url: str, rows: int = 200) -> None:
    async with Database.open(url) as database:
        await prepare(database)
        async with database.migrating() as connection:
            await connection.run_sync(fill, rows)


async def test_first_start_and_next_ones(bare_url: str) -> None:
    await start(bare_url)
    await start(bare_url)
    async with Database.open(bare_url) as database:
        assert await current(database) == latest()


async def test_what_was_there_is_there_after_a_start(database_url: str) -> None:
    await filled(database_url, 3)
    await start(database_url)
    async with Database.open(database_url) as database, database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 3


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vivavoce.db"


async def refused(file: Path, because: str) -> None:
    """It says how to get the data back, and leaves every byte where it was."""
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(StorageError, match=because) as problem:
        await start(f"sqlite:///{file}")
    assert "vivavoce restore" in problem.value.message
    assert not isinstance(problem.value, StorageUnavailable)
    assert (file.read_bytes() if file.exists() else None) == before


async def test_a_file_that_is_no_database(file: Path) -> None:
    file.write_bytes(b"something else entirely " * 1000)
    await refused(file, "damaged")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
async def test_a_page_of_garbage(file: Path, share: float) -> None:
    await filled(f"sqlite:///{file}")
    content = bytearray(file.read_bytes())
    page = int(len(content) * share) // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    await refused(file, "damaged")


async def test_half_a_file(file: Path) -> None:
    await filled(f"sqlite:///{file}")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    await refused(file, "damaged")


async def test_a_file_that_has_vanished_or_been_emptied(file: Path) -> None:
    await start(f"sqlite:///{file}")
    file.write_bytes(b"")
    await refused(file, "gone or empty")
    file.unlink()
    await refused(file, "gone or empty")
    assert not file.exists()
    file.with_name("vivavoce.db-made").unlink()
    await start(f"sqlite:///{file}")


async def test_what_a_killed_process_had_committed_is_found(file: Path, tmp_path: Path) -> None:
    """The file and its log as they lie there in the middle of the work."""
    async with Database.open(f"sqlite:///{file}") as database:
        await prepare(database)
        async with database.migrating() as connection:
            await connection.run_sync(fill)
        async with database.reading() as session:
            await session.execute(text("SELECT 1"))
            then = tmp_path / "then"
            then.mkdir()
            for part in tmp_path.glob("vivavoce.db*"):
                shutil.copy(part, then)
    async with Database.open(f"sqlite:///{then / 'vivavoce.db'}") as database:
        await prepare(database)
        async with database.reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM turns")) == 3


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"password": "guess"}, "does not let this user in"),
        ({"database": "nowhere"}, "createdb"),
        ({"query": {"sslmode": "require"}}, "sslmode=disable"),
    ],
)
async def test_what_is_wrong_with_an_address_is_said(
    postgres_server: services.Service, change: dict[str, object], advice: str
) -> None:
    address = make_url(postgres_server.url).set(**change).render_as_string(hide_password=False)
    with pytest.raises(ConfigError, match=advice) as problem:
        await start(address)
    assert "guess" not in problem.value.message


async def test_a_server_that_is_away_is_no_mistake_of_the_address() -> None:
    with pytest.raises(StorageUnavailable):
        await start("postgresql://somebody@127.0.0.1:1/db")
