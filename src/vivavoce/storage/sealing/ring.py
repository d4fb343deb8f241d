"""The keys of keys: a file that only its owner can read, or a value from the environment.

Each key is 32 random bytes in base64, one a line or parted by blanks or commas; `#` begins a comment. A key's id is
the beginning of its SHA-256, so a key cannot stand under a wrong one. The first key seals, all of them open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vivavoce.errors import ConfigError
from vivavoce.storage.sealing import envelope

KEY: Final = 32
FILE_BYTES: Final = 64 << 10
_SEPARATORS: Final = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Kek:
    """One key of keys. `id` is 16 hex digits."""

    id: str
    text: str = field(repr=False)
    """As it is written down."""
    cipher: AESGCM = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, where: str) -> Kek:
        """Raises ConfigError, without the words of the key."""
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY:
            raise ConfigError(f"{where}: a key is {KEY} bytes in base64; `vivavoce keys new` makes one")
        return cls(hashlib.sha256(key).digest()[: envelope.KEK_ID].hex(), text, AESGCM(key))

    @classmethod
    def new(cls) -> Kek:
        return cls.parse(base64.b64encode(secrets.token_bytes(KEY)).decode(), "a new key")

    @property
    def id_bytes(self) -> bytes:
        return bytes.fromhex(self.id)


class KeyRing:
    """All keys there are. Keys from a file are read again when the file has changed (`fresh`)."""

    def __init__(self, keys: Sequence[Kek], where: str, file: Path | None = None) -> None:
        if not keys:
            raise ConfigError(f"{where}: there is no key in it; `vivavoce keys new` makes one")
        self._keys = {key.id: key for key in keys}
        self.where = where
        self.file = file
        self._state = _state(file)

    def __iter__(self) -> Iterator[Kek]:
        return iter(self._keys.values())

    @property
    def first(self) -> Kek:
        """The one that seals."""
        return next(iter(self._keys.values()))

    def knows(self, kek: str) -> bool:
        return kek in self._keys

    def get(self, kek: str) -> Kek | None:
        """The key of that id; one that was added to the file since is found."""
        found = self._keys.get(kek)
        if found is None:
            self.fresh()
            found = self._keys.get(kek)
        return found

    def fresh(self) -> None:
        """Look whether the file has changed. One that cannot be used changes nothing: what is open stays open."""
        state = _state(self.file)
        if self.file is None or state == self._state:
            return
        try:
            keys = read_file(self.file)
        except ConfigError:
            return
        if keys:
            self._keys = {key.id: key for key in keys}
            self._state = state


def key_ring(*, file: str = "", value: str | None = None) -> KeyRing | None:
    """The keys of `data.keys` (a path), else those of the value; None where neither is given. Raises ConfigError when
    they cannot be used, or when others can read the file.
    """
    if file:
        path = Path(file).expanduser()
        return KeyRing(read_file(path), str(path), path)
    if value and value.strip():
        return KeyRing(parse(value, "VIVAVOCE_KEYS"), "VIVAVOCE_KEYS")
    return None


def read_file(path: Path) -> list[Kek]:
    """The keys of a file; none where it holds none. Raises ConfigError."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from error
    try:
        _check(path, os.fstat(handle))
        text = os.read(handle, FILE_BYTES + 1)
    finally:
        os.close(handle)
    if len(text) > FILE_BYTES:
        raise ConfigError(f"the key file {path} is too large to be one")
    try:
        return parse(text.decode(), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"the key file {path} is no text") from None


def parse(text: str, where: str) -> list[Kek]:
    """The keys in a text. Raises ConfigError."""
    words = (word for line in text.splitlines() for word in _SEPARATORS.split(line.partition("#")[0]) if word)
    keys: dict[str, Kek] = {}
    for word in words:
        key = Kek.parse(word, where)
        if key.id in keys:
            raise ConfigError(f"{where}: the key {key.id} stands there twice")
        keys[key.id] = key
    return list(keys.values())


def _check(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise ConfigError(f"the key file {path} is no ordinary file")
    if sys.platform == "win32":
        return
    if state.st_uid != os.geteuid():
        raise ConfigError(f"the key file {path} belongs to another user (uid {state.st_uid})")
    if state.st_mode & 0o077:
        raise ConfigError(f"others can read the key file {path}; when that is all right until now: chmod 600 {path}")


def _state(file: Path | None) -> tuple[int, int, int] | None:
    """What changes when the file does; None where there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_ino, found.st_size)
