"""`vivavoce backup`, a person forgotten, `vivavoce restore` on an empty machine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from accounts.house import HOME, PASSWORD, Watch, accounts, actor, come_in, person, whose
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.audit import Filter
from vivavoce.app.cli import app
from vivavoce.app.settings.values import Data
from vivavoce.app.where import address
from vivavoce.errors import Unauthorised, VivavoceError
from vivavoce.storage.blobs import BlobIndex, open_blobs
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.database_check import prepare
from vivavoce.storage.folder import DataFolder, entered
from vivavoce.storage.models import Conversation, User

T = TypeVar("T")

SOUND = bytes(range(256)) * 300


def vivavoce(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@asynccontextmanager
async def living(folder: Path, watch: Watch) -> AsyncGenerator[tuple[Database, Accounts], None]:
    with entered(folder) as place:
        async with Database.open(address(Data(), place)) as database:
            await prepare(database)
            yield database, accounts(database, watch)


def play(scene: Coroutine[Any, Any, T]) -> T:
    """The commands run loops of their own, so the scenes between them do, too."""
    return asyncio.run(scene)


async def fill(folder: Path, watch: Watch) -> dict[str, str]:
    """Two people with a conversation each, one with sound; what somebody could come in with."""
    async with living(folder, watch) as (database, house):
        ada, bob = await person(house, "ada", "admin"), await person(house, "bob")
        watch.on(2 * HOUR)
        assert await house.checkpoints.make_due()
        grant = await come_in(house, ada, PASSWORD)
        await come_in(house, bob)
        token = await house.api_tokens.create(await actor(house, grant), ada.id, "script", "user")
        link = await house.links.issue(LOCAL_OPERATOR, bob.id)
        async with database.writing() as session:
            for owner, key in ((ada.id, "a"), (bob.id, "b")):
                session.add(
                    Conversation(
                        id=key * 32, owner_id=owner, channel="web", kind="duplex", language="en", started_at=1,
                        last_at=1, state="ended",
                    )
                )  # fmt: skip
        async with open_blobs(DataFolder(folder).blobs) as blobs:
            await BlobIndex(database, blobs).put("recordings/aa", ada.id, _pieces(SOUND), "audio/ogg")
        assert await whose(house, grant)
        return {
            "access": grant.access_token, "refresh": grant.refresh_token, "api": token.token, "link": link.secret,
            "bob": bob.id,
        }  # fmt: skip


async def _pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def forget(folder: Path, watch: Watch, user: str) -> None:
    async with living(folder, watch) as (_, house):
        await house.users.delete(LOCAL_OPERATOR, user)


async def refused(attempt: Coroutine[Any, Any, object]) -> None:
    with pytest.raises(VivavoceError) as problem:
        await attempt
    assert isinstance(problem.value, Unauthorised), problem.value


async def look(folder: Path, watch: Watch, had: dict[str, str]) -> None:
    async with living(folder, watch) as (database, house):
        for token in (had["access"], had["api"]):
            await refused(house.authenticator.authenticate(token))
        await refused(house.sign_ins.refresh(had["refresh"], HOME))
        await refused(house.credentials.with_link(had["link"], HOME))
        async with database.reading() as session:
            assert list(await session.scalars(select(User.name))) == ["ada"]
            assert list(await session.scalars(select(Conversation.id))) == ["a" * 32]
        verdict = await house.audit_check.run()
        assert verdict.whole, verdict.detail
        assert verdict.vouched_to > 0
        async with open_blobs(DataFolder(folder).blobs) as blobs:
            assert b"".join([piece async for piece in BlobIndex(database, blobs).get("recordings/aa")]) == SOUND
        assert await house.credentials.with_password("ada", PASSWORD, HOME)
        acts = [one.act for one in (await house.audit.page(Filter(what="backup."))).items]
        assert acts == ["backup.restore"]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "old"


@pytest.mark.real
def test_the_person_is_gone_and_nobody_is_revived(old: Path, tmp_path: Path, watch: Watch) -> None:
    had = play(fill(old, watch))
    kept = tmp_path / "kept"
    kept.mkdir()
    made = vivavoce("backup", str(kept / "monday.tar"), "-s", f"data.folder={old}")
    assert made.exit_code == 0, made.output
    assert "1 blobs" in made.output
    watch.on(1000)
    play(forget(old, watch, had["bob"]))
    assert vivavoce("backup", str(kept), "-s", f"data.folder={old}").exit_code == 0
    assert (kept / "deletions.jsonl").is_file()
    new = tmp_path / "new"
    back = vivavoce("restore", str(kept / "monday.tar"), "-s", f"data.folder={new}")
    assert back.exit_code == 0, back.output
    assert "Deletions applied: 1" in back.output
    play(look(new, watch, had))


def test_an_empty_place_makes_no_empty_backup(old: Path, tmp_path: Path) -> None:
    failed = vivavoce("backup", str(tmp_path / "monday.tar"), "-s", f"data.folder={old}")
    assert "nothing to back up" in str(failed.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_a_folder_that_is_in_use_is_left_alone(old: Path, tmp_path: Path, watch: Watch) -> None:
    play(fill(old, watch))
    kept = tmp_path / "monday.tar"
    assert vivavoce("backup", str(kept), "-s", f"data.folder={old}").exit_code == 0
    before = hashlib.sha256(DataFolder(old).database.read_bytes()).hexdigest()
    assert "into an empty one only" in str(vivavoce("restore", str(kept), "-s", f"data.folder={old}").exception)
    assert hashlib.sha256(DataFolder(old).database.read_bytes()).hexdigest() == before
    with entered(tmp_path / "served"):
        failed = vivavoce("restore", str(kept), "-s", f"data.folder={tmp_path / 'served'}")
    assert "another Vivavoce" in str(failed.exception)


@pytest.mark.real
def test_a_damaged_backup_is_refused_before_anything_is_made(old: Path, tmp_path: Path, watch: Watch) -> None:
    play(fill(old, watch))
    kept = tmp_path / "monday.tar"
    assert vivavoce("backup", str(kept), "-s", f"data.folder={old}").exit_code == 0
    content = bytearray(kept.read_bytes())
    content[content.index(SOUND[:256]) + 5] ^= 1
    kept.write_bytes(content)
    new = tmp_path / "new"
    failed = vivavoce("restore", str(kept), "-s", f"data.folder={new}")
    assert "damaged: blobs/recordings/aa is not what it was" in str(failed.exception)
    assert not list(DataFolder(new).blobs.glob("*/*"))
    assert not DataFolder(new).database.exists()


@pytest.mark.real
def test_a_sound_that_rotted_is_told_and_the_rest_is_saved(old: Path, tmp_path: Path, watch: Watch) -> None:
    play(fill(old, watch))
    (sound,) = (path for path in DataFolder(old).blobs.rglob("aa*") if path.is_file())
    sound.write_bytes(b"rotten")
    made = vivavoce("backup", str(tmp_path / "monday.tar"), "-s", f"data.folder={old}")
    assert made.exit_code == 1
    assert "recordings/aa" in made.output
    assert vivavoce("restore", str(tmp_path / "monday.tar"), "-s", f"data.folder={tmp_path / 'new'}").exit_code == 0
