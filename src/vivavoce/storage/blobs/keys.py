"""Which keys there may be: whatever reaches a file system or an address is checked here, once."""

from __future__ import annotations

import re
from typing import Final

from vivavoce.errors import StorageError

CHARACTERS: Final = 128
_PART: Final = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_KEY: Final = re.compile(rf"{_PART}(?:/{_PART})+", re.ASCII)
_FOLDER: Final = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)


def is_key(text: str) -> bool:
    return len(text) <= CHARACTERS and _KEY.fullmatch(text) is not None


def checked(key: str) -> str:
    """Raises StorageError."""
    if not is_key(key):
        raise StorageError("that is no key of a blob")
    return key


def checked_folder(prefix: str) -> str:
    """A folder of keys, with or without its slash; empty is all of them. Raises StorageError."""
    folder = prefix.removesuffix("/")
    if folder and (len(folder) > CHARACTERS or _FOLDER.fullmatch(folder) is None):
        raise StorageError("that is no folder of blobs")
    return folder
