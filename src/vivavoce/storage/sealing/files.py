"""The key file, written: whole or not at all, and never without a key that is still needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vivavoce.errors import ConfigError
from vivavoce.storage.database import Database
from vivavoce.storage.folder import write_whole
from vivavoce.storage.sealing.ring import Kek, KeyRing, read_file
from vivavoce.storage.sealing.rotation import uses

HEAD: Final = """\
# Keys that seal what Vivavoce stores. The first one seals, all of them open.
# Keep a copy elsewhere, and not beside the backups: without the keys nothing sealed can be read again.
"""


def create(path: Path) -> Kek:
    """A key file with a new key. Raises ConfigError where there is something already."""
    if path.exists() or path.is_symlink():
        raise ConfigError(f"{path} is there already; `vivavoce keys rotate` adds a new key to it")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent}")
    key = Kek.new()
    _write(path, [key])
    return key


def add(path: Path) -> KeyRing:
    """A new key, in front: it seals from now on. Raises ConfigError."""
    keys = [Kek.new(), *read_file(path)]
    _write(path, keys)
    return KeyRing(keys, str(path), path)


async def drop(database: Database, path: Path, kek: str) -> None:
    """Take a key out that wraps no data key any more. Raises ConfigError where it does, or is the one that seals."""
    keys = read_file(path)
    if kek not in {key.id for key in keys}:
        raise ConfigError(f"there is no key {kek} in {path}")
    if keys[0].id == kek:
        raise ConfigError(f"{kek} is the key that seals; `vivavoce keys rotate` makes another one first")
    count = next(use.data_keys for use in await uses(database, KeyRing(keys, str(path))) if use.kek == kek)
    if count:
        raise ConfigError(f"{kek} still wraps {count} data keys; `vivavoce keys rotate` wraps them anew")
    _write(path, [key for key in keys if key.id != kek])


def _write(path: Path, keys: Sequence[Kek]) -> None:
    write_whole(path, (HEAD + "".join(f"{key.text}\n" for key in keys)).encode())
