"""`vivavoce keys` over a data folder of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vivavoce.app.cli import app
from vivavoce.errors import ConfigError
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import key_ring, open_sealer

pytestmark = pytest.mark.real


class Shell:
    """Runs commands on one data folder, with a key file that is not there at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "data.keys"

    def __call__(self, *words: str, keys: bool = True) -> str:
        done = self.tries(*words, keys=keys)
        assert done.exit_code == 0, done.exception or done.output
        return done.stdout

    def tries(self, *words: str, keys: bool = True) -> Result:
        settings = ["-s", f"data.folder={self.folder / 'data'}"]
        if keys:
            settings += ["-s", f"data.keys={self.file}"]
        return CliRunner().invoke(app, ["keys", *words, *settings])

    def refused(self, *words: str, keys: bool = True) -> str:
        done = self.tries(*words, keys=keys)
        assert isinstance(done.exception, ConfigError), done.output
        return done.exception.message

    def seal(self, text: bytes) -> bytes:
        """As a server with those settings does."""

        async def sealed() -> bytes:
            url = f"sqlite:///{self.folder / 'data' / 'vivavoce.db'}"
            async with Database.open(url) as database, open_sealer(database, key_ring(file=str(self.file))) as sealer:
                return await sealer.seal(text, "conversation:1", "p")

        return asyncio.run(sealed())

    def unseal(self, stored: bytes) -> bytes:
        async def opened() -> bytes:
            url = f"sqlite:///{self.folder / 'data' / 'vivavoce.db'}"
            async with Database.open(url) as database, open_sealer(database, key_ring(file=str(self.file))) as sealer:
                return await sealer.unseal(stored, "conversation:1", "p")

        return asyncio.run(opened())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIVAVOCE_KEYS", raising=False)
    return Shell(tmp_path)


def test_the_life_of_a_key(shell: Shell) -> None:
    first = shell("new").split("a new key, ")[1][:16]
    assert [key["kek"] for key in json.loads(shell("list", "--json"))["keys"]] == [first]
    stored = shell.seal(b"said")

    second = shell("rotate").split(" seals now")[0]
    assert json.loads(shell("list", "--json"))["keys"] == [
        {"kek": second, "data_keys": 1, "here": True},
        {"kek": first, "data_keys": 0, "here": True},
    ]
    assert "opens old backups only" in shell("list")
    assert "the key that seals" in shell.refused("drop", second)
    shell("drop", first)
    assert shell.unseal(stored) == b"said"
    assert first not in shell("list")


def test_a_key_that_is_missing_is_named(shell: Shell) -> None:
    first = shell("new").split("a new key, ")[1][:16]
    shell("list")
    shell.seal(b"said")
    shell.file.unlink()
    shell("new")
    done = shell.tries("list")
    assert done.exit_code == 1
    assert f"{first}  missing" in done.stdout
    assert first in shell.refused("rotate")


def test_the_first_key_is_made_in_the_data_folder_where_no_file_is_named(shell: Shell) -> None:
    said = shell("new", keys=False)
    path = shell.folder / "data" / "keys" / "data.keys"
    assert f"data.keys: {path}" in said
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_for_the_environment_is_printed_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shell("new", "--print", keys=False).strip()
    monkeypatch.setenv("VIVAVOCE_KEYS", text)
    ring = key_ring(value=text)
    assert ring is not None
    assert ring.first.id in shell("list", keys=False)
    assert "VIVAVOCE_KEYS: put a new one" in shell.refused("rotate", keys=False)
    assert "no key file" in shell.refused("drop", ring.first.id, keys=False)


def test_without_keys_there_is_nothing_to_rotate(shell: Shell) -> None:
    assert "`vivavoce keys new`" in shell.refused("rotate", keys=False)
