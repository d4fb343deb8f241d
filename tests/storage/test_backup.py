"""A backup made under load comes back whole, on either database, and revives nobody."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text

from vivavoce import aio
from vivavoce.errors import Conflict, Missing, StorageError
from vivavoce.storage.backup import Report, back_up
from vivavoce.storage.backup_deletions import Deleted
from vivavoce.storage.backup_restore import Restored, restore
from vivavoce.storage.backup_tables import STAY, carried
from vivavoce.storage.blobs import BlobInfo
from vivavoce.storage.database import Database
from vivavoce.storage.migrate import downgrade, latest, upgrade
from vivavoce.storage.models import (
    ActivityCount,
    ApiToken,
    Base,
    Blob,
    Conversation,
    DataKey,
    Deletion,
    OutboxEvent,
    Recording,
    SearchState,
    Share,
    SigningKey,
    Turn,
    User,
)
from vivavoce.testing.rows import Contents, contents, fill

pytestmark = pytest.mark.real

NOW = 2_000_000_000_000


class Shelf:
    """Blobs in memory."""

    def __init__(self, **kept: bytes) -> None:
        self.kept = {key.replace("__", "/"): content for key, content in kept.items()}

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        self.kept[key] = b"".join([chunk async for chunk in chunks])
        return await self.head(key)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        if key not in self.kept:
            raise Missing
        for place in range(0, len(self.kept[key]), 1000):
            yield self.kept[key][place : place + 1000]

    async def head(self, key: str) -> BlobInfo:
        return BlobInfo(key, len(self.kept[key]), hashlib.sha256(self.kept[key]).hexdigest())

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        for key in sorted(self.kept):
            yield key


def user(name: str) -> User:
    return User(id=name.rjust(32, "0"), name=name, role="user", created_at=1, updated_at=1, recording=True)


def conversation(name: str, owner: str, started_at: int = 1) -> Conversation:
    return Conversation(
        id=name.rjust(32, "0"), owner_id=owner.rjust(32, "0"), channel="web", kind="duplex", language="en",
        started_at=started_at, last_at=started_at, state="ended",
    )  # fmt: skip


def turn(of: str, owner: str, reply: int = 1) -> Turn:
    return Turn(
        conversation_id=of.rjust(32, "0"), owner_id=owner.rjust(32, "0"), reply=reply, state="done", said=b"hello",
        started_at=1, stages={},
    )  # fmt: skip


def sound(key: str, content: bytes, of: str, owner: str) -> list[Base]:
    digest = hashlib.sha256(content).hexdigest()
    whose = owner.rjust(32, "0")
    return [
        Blob(
            key=key, owner_id=whose, state="ready", content_type="audio/ogg", size=len(content), sha256=digest,
            created_at=1,
        ),
        Recording(
            id=key[-8:].rjust(32, "0"), conversation_id=of.rjust(32, "0"), owner_id=whose, state="ready", blob=key,
            created_at=1, expires_at=9,
        ),
    ]  # fmt: skip


async def add(database: Database, *things: Base) -> None:
    async with database.writing() as session:
        for thing in things:
            session.add(thing)
            await session.flush()


async def everything(database: Database) -> Contents:
    async with database.snapshot() as connection:
        found = await connection.run_sync(contents)
    return {name: rows for name, rows in found.items() if name not in STAY}


@asynccontextmanager
async def empty(path: Path) -> AsyncGenerator[Database, None]:
    async with Database.open(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture
async def other(bare_url: str) -> AsyncGenerator[Database, None]:
    """Where a backup is put back: each test with `database` and this one tries the four ways between the two."""
    async with Database.open(bare_url) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar"


async def save(database: Database, path: Path, shelf: Shelf | None = None) -> Report:
    return await back_up(database, shelf or Shelf(), path, clock=lambda: NOW)


async def load(path: Path, database: Database, shelf: Shelf | None = None, *deletions: Deleted) -> Restored:
    return await restore(path, database, shelf or Shelf(), deletions=deletions, clock=lambda: NOW)


# ── there and back ────────────────────────────────────────────────────────────────────────────────

CHANGED = {"users", "api_tokens", "shares", "recordings", "signing_keys", "blobs"}
"""Tables of which a restore does not bring back every value; tests below say which ones and why."""


async def test_every_table_comes_back(database: Database, other: Database, path: Path) -> None:
    async with database.migrating() as connection:
        await connection.run_sync(fill, 703)  # more than a batch, so that pages join without a gap
    before = await everything(database)
    report = await save(database, path)
    restored = await load(path, other)
    after = await everything(other)
    assert after.keys() == before.keys()
    for name in before.keys() - CHANGED:
        assert after[name] == before[name], name
    for name in CHANGED - {"signing_keys", "blobs"}:
        assert len(after[name]) == len(before[name]), name
    assert restored.rows == report.rows == sum(len(rows) for name, rows in before.items() if name != "signing_keys")
    assert restored.made_at == NOW


async def test_it_is_of_one_moment_while_others_write(database: Database, other: Database, path: Path) -> None:
    """Each transaction writes a turn and counts it in its conversation: a backup that mixes moments would differ."""
    await add(database, user("ada"), *(conversation(f"{n}", "ada") for n in range(8)))

    async def talk(number: int) -> None:
        reply = 0
        while True:
            reply += 1
            async with database.writing() as session:
                session.add(turn(f"{number}", "ada", reply))
                mine = await session.get_one(Conversation, f"{number:032}")
                mine.turns += 1

    async with asyncio.TaskGroup() as group:
        writers = [aio.spawn(group, talk(number), f"talk {number}") for number in range(8)]
        await asyncio.sleep(0.2)
        await save(database, path)
        for writer in writers:
            writer.cancel()
    await load(path, other)
    async with other.reading() as session:
        told = dict(tuple(row) for row in await session.execute(select(Conversation.id, Conversation.turns)))
        counts = await session.execute(select(Turn.conversation_id, func.count()).group_by(Turn.conversation_id))
        assert told == dict.fromkeys(told, 0) | dict(tuple(row) for row in counts)
        assert sum(told.values()) > 0


async def test_numbers_go_on_where_they_were(database: Database, other: Database, path: Path) -> None:
    """Even beyond rows that are gone: a number that named something once names nothing else later."""
    await add(database, *(OutboxEvent(stream="s", key="", payload=b"", created_at=1) for _ in range(5)))
    await add(database, user("ada"), conversation("1", "ada"), turn("1", "ada", 1), turn("1", "ada", 2))
    async with database.writing() as session:
        await session.execute(delete(OutboxEvent).where(OutboxEvent.id > 2))
    await save(database, path)
    await load(path, other)
    await add(other, OutboxEvent(stream="s", key="", payload=b"", created_at=1), turn("1", "ada", 3))
    async with other.reading() as session:
        assert list(await session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id))) == [1, 2, 6]
        assert list(await session.scalars(select(Turn.id).order_by(Turn.id))) == [1, 2, 3]


async def test_a_backup_of_an_older_schema_is_brought_up(database: Database, path: Path, tmp_path: Path) -> None:
    await downgrade(database, "0001")
    async with database.migrating() as connection:
        await connection.run_sync(fill)
    await save(database, path)
    async with empty(tmp_path / "new.db") as new:
        await load(path, new)
        async with new.snapshot() as connection:
            assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == latest()
            assert len((await connection.run_sync(contents))["turns"]) == 3


async def test_search_is_made_anew(database: Database, other: Database, path: Path) -> None:
    await save(database, path)
    await load(path, other)
    async with other.reading() as session:
        state = await session.get_one(SearchState, 1)
        assert (state.version, state.done) == (0, 0)


# ── blobs ─────────────────────────────────────────────────────────────────────────────────────────


async def test_sounds_come_back(sqlite: Database, path: Path, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50
    await add(sqlite, user("ada"), conversation("1", "ada"), *sound("recordings/aa", content, "1", "ada"))
    report = await save(sqlite, path, Shelf(recordings__aa=content))
    assert (report.blobs, report.lost, report.damaged) == (1, [], [])
    shelf = Shelf()
    async with empty(tmp_path / "new.db") as new:
        assert (await load(path, new, shelf)).blobs == 1
        async with new.reading() as session:
            assert (await session.get_one(Recording, "recordings/aa"[-8:].rjust(32, "0"))).state == "ready"
    assert shelf.kept == {"recordings/aa": content}


async def test_sounds_that_are_gone_or_damaged_are_named_and_left_out(
    sqlite: Database, path: Path, tmp_path: Path
) -> None:
    await add(sqlite, user("ada"), conversation("1", "ada"))
    await add(sqlite, *sound("recordings/a1", b"gone", "1", "ada"), *sound("recordings/b2", b"well", "1", "ada"))
    await add(sqlite, *sound("recordings/c3", b"once", "1", "ada"))
    report = await save(sqlite, path, Shelf(recordings__b2=b"well", recordings__c3=b"rotten"))
    assert (report.blobs, report.lost, report.damaged) == (1, ["recordings/a1"], ["recordings/c3"])
    async with empty(tmp_path / "new.db") as new:
        shelf = Shelf()
        await load(path, new, shelf)
        assert shelf.kept == {"recordings/b2": b"well"}
        async with new.reading() as session:
            states = await session.execute(select(Recording.blob, Recording.state).order_by(Recording.blob))
            assert [state for _, state in states] == ["gone", "ready", "gone"]
            assert list(await session.scalars(select(Blob.key))) == ["recordings/b2"]


async def test_sound_that_waited_in_a_spool_is_given_up(sqlite: Database, path: Path, tmp_path: Path) -> None:
    await add(sqlite, user("ada"), conversation("1", "ada"), *sound("recordings/a1", b"x", "1", "ada"))
    async with sqlite.writing() as session:
        await session.execute(text("UPDATE recordings SET state = 'spooling'"))
        await session.execute(text("UPDATE blobs SET state = 'pending'"))
    await save(sqlite, path)
    async with empty(tmp_path / "new.db") as new:
        await load(path, new)
        async with new.reading() as session:
            assert list(await session.scalars(select(Recording.state))) == ["failed"]
            assert list(await session.scalars(select(Blob.key))) == []


# ── nothing is revived ────────────────────────────────────────────────────────────────────────────


async def test_nobody_comes_in_with_what_he_had(database: Database, other: Database, path: Path) -> None:
    async with database.migrating() as connection:
        await connection.run_sync(fill)
    await add(database, user("ada"), SigningKey(kid="checkpoints", secret=b"vouches", created_at=1))
    await save(database, path)
    await load(path, other)
    async with other.snapshot() as connection:
        found = await connection.run_sync(contents)
    for name in ("sign_ins", "one_time_secrets", "sessions", "idempotent_answers", "leases"):
        assert found[name] == []
    assert all(row["revoked_at"] for name in ("api_tokens", "shares") for row in found[name])
    assert [(row["kid"], row["secret"]) for row in found["signing_keys"]] == [("checkpoints", b"vouches")]
    async with database.snapshot() as connection:
        before = {row["id"]: row["epoch"] for row in (await connection.run_sync(contents))["users"]}
    assert {row["id"]: row["epoch"] for row in found["users"]} == {key: epoch + 1 for key, epoch in before.items()}
    assert not any(row["recording"] for row in found["users"])


def test_what_can_be_revoked_is_either_not_carried_or_revoked() -> None:
    """A new table with a `revoked_at` has to be thought of."""
    revocable = {table.name for table in Base.metadata.sorted_tables if "revoked_at" in table.columns}
    assert revocable == {"sign_ins", ApiToken.__tablename__, Share.__tablename__}


async def test_secrets_of_the_moment_are_not_even_in_the_file(sqlite: Database, path: Path) -> None:
    await add(sqlite, SigningKey(kid="0123456789abcdef", secret=b"\x07signs\x07", created_at=1))
    await save(sqlite, path)
    async with sqlite.snapshot() as connection:
        names = {table.name for table in await connection.run_sync(carried)}
    assert not names & STAY
    listing = await asyncio.create_subprocess_exec("tar", "-tf", str(path), stdout=asyncio.subprocess.PIPE)
    out, _ = await listing.communicate()
    assert not any(name in out.decode() for name in ("signing_keys", "sign_ins", "one_time"))


async def test_what_was_deleted_since_is_deleted_again(database: Database, other: Database, path: Path) -> None:
    """A person, one conversation of another, and all of a third one's up to a day."""
    shelf = Shelf(recordings__a1=b"ada", recordings__b2=b"bob", recordings__c3=b"old", recordings__c4=b"new")
    await add(database, user("ada"), user("bob"), user("cy"))
    await add(database, conversation("1", "ada"), conversation("2", "bob"), conversation("3", "bob"))
    await add(database, conversation("4", "cy", 100), conversation("5", "cy", 300))
    await add(database, turn("1", "ada"), turn("2", "bob"), turn("3", "bob"), turn("4", "cy"), turn("5", "cy"))
    await add(database, *sound("recordings/a1", b"ada", "1", "ada"), *sound("recordings/b2", b"bob", "2", "bob"))
    await add(database, *sound("recordings/c3", b"old", "4", "cy"), *sound("recordings/c4", b"new", "5", "cy"))
    scopes = ["conversation:" + "2".rjust(32, "0"), "blob:recordings/b2", "blob:recordings/c4"]
    await add(database, *(DataKey(id=scope[-9:], scope=scope, kek="k", wrapped=b"", created_at=1) for scope in scopes))
    counts = {"conversations": 1, "turns": 1, "people": 1, "cuts": 0, "errors": 0, "responses": {}}
    for owner, at in (("ada".rjust(32, "0"), 5), ("cy".rjust(32, "0"), 100), ("cy".rjust(32, "0"), 300), ("*", 5)):
        await add(database, ActivityCount(size="hour", owner_id=owner, at=at, **counts))
    await save(database, path, shelf)
    fresh = Shelf()
    journal = (
        Deleted(1, "user", "ada".rjust(32, "0"), 200),
        Deleted(2, "conversation", "2".rjust(32, "0"), 200),
        Deleted(3, "history", "cy".rjust(32, "0"), 200),
        Deleted(4, "conversation", "f" * 32, 200),  # made after the backup: nothing to do
    )
    await load(path, other, fresh, *journal)
    async with other.reading() as session:
        assert list(await session.scalars(select(User.name).order_by(User.name))) == ["bob", "cy"]
        assert [one[-1] for one in await session.scalars(select(Conversation.id).order_by(Conversation.id))] == [
            "3",
            "5",
        ]
        assert len(list(await session.scalars(select(Turn.id)))) == 2
        assert list(await session.scalars(select(Blob.key))) == ["recordings/c4"]
        assert list(await session.scalars(select(DataKey.scope))) == ["blob:recordings/c4"]
        assert len(list(await session.scalars(select(Deletion.id)))) == 4
        left = await session.execute(select(ActivityCount.owner_id, ActivityCount.at).order_by(ActivityCount.at))
        assert [(owner[-2:], at) for owner, at in left] == [("*", 5), ("cy", 300)]
    assert fresh.kept == {"recordings/c4": b"new"}


async def test_a_journal_of_a_newer_program_is_refused_and_nothing_is_left(
    sqlite: Database, path: Path, tmp_path: Path
) -> None:
    await add(sqlite, user("ada"))
    await save(sqlite, path)
    async with empty(tmp_path / "new.db") as new:
        with pytest.raises(StorageError, match="'galaxy'"):
            await load(path, new, None, Deleted(1, "galaxy", "x", 1))
        await load(path, new)


# ── where it is put ───────────────────────────────────────────────────────────────────────────────


async def test_it_is_put_back_into_nothing_only(database: Database, other: Database, path: Path) -> None:
    await add(database, user("ada"))
    await save(database, path)
    await upgrade(other)
    await add(other, user("bob"))
    with pytest.raises(Conflict, match="`users`"):
        await load(path, other)
    async with other.reading() as session:
        assert list(await session.scalars(select(User.name))) == ["bob"]


async def test_blobs_of_others_are_not_mixed_in(sqlite: Database, path: Path, tmp_path: Path) -> None:
    await save(sqlite, path)
    async with empty(tmp_path / "new.db") as new:
        with pytest.raises(Conflict, match="recordings/zz"):
            await load(path, new, Shelf(recordings__zz=b"somebody's"))


async def test_one_that_was_broken_off_can_be_tried_again(sqlite: Database, path: Path, tmp_path: Path) -> None:
    await add(sqlite, user("ada"), conversation("1", "ada"))
    await add(sqlite, *sound("recordings/a1", b"first", "1", "ada"), *sound("recordings/b2", b"second", "1", "ada"))
    await save(sqlite, path, Shelf(recordings__a1=b"first", recordings__b2=b"second"))
    shelf = Shelf()

    def interrupt(what: str, done: int, of: int) -> None:
        if (what, done) == ("conversations", 1):
            raise KeyboardInterrupt

    async with empty(tmp_path / "new.db") as new:
        with pytest.raises(KeyboardInterrupt):
            await restore(path, new, shelf, progress=interrupt)
        await load(path, new, shelf)
        async with new.reading() as session:
            assert list(await session.scalars(select(User.name))) == ["ada"]


async def test_a_backup_never_replaces_another_one(sqlite: Database, path: Path) -> None:
    await save(sqlite, path)
    content = path.read_bytes()
    with pytest.raises(Conflict):
        await save(sqlite, path)
    assert path.read_bytes() == content
    assert [one.name for one in path.parent.iterdir() if "backup" in one.name] == [path.name]


async def test_one_that_fails_leaves_nothing_behind(sqlite: Database, path: Path) -> None:
    class Broken(Shelf):
        async def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            yield b"some"
            raise StorageError("the disk is on fire")

    await add(sqlite, user("ada"), conversation("1", "ada"), *sound("recordings/a1", b"some", "1", "ada"))
    with pytest.raises(StorageError, match="on fire"):
        await save(sqlite, path, Broken())
    assert [one for one in path.parent.iterdir() if "backup" in one.name] == []


async def test_it_is_for_its_owner_alone(sqlite: Database, path: Path) -> None:
    await save(sqlite, path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_keys_that_will_be_needed_are_named(sqlite: Database, path: Path, tmp_path: Path) -> None:
    async with sqlite.writing() as session:
        for number, kek in enumerate(("old", "new", "old")):
            row = {"id": f"{number:032}", "scope": f"s{number}", "kek": kek, "wrapped": b"", "seals": 0}
            await session.execute(insert(DataKey).values(**row, created_at=1))
    assert (await save(sqlite, path)).keys == ["new", "old"]
    async with empty(tmp_path / "new.db") as new:
        assert (await load(path, new)).keys == ["new", "old"]
