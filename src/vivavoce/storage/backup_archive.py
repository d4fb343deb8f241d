"""What a backup is: one tar file that `tar` can list, with a manifest that vouches for each byte of it.

    tables/users/000001.jsonl.gz       rows: a line with the names of the columns, then a line with the values of each
    blobs/recordings/0193…             as they were stored, sealed ones sealed
    manifest.json                      versions, counts, and size and SHA-256 of each of the above
    manifest.sha256                    of the manifest

The same whichever database it is of, so it is also the way from SQLite to PostgreSQL and back. It is written beside
its place and moved there when it is whole. Nothing in one that is read is believed before all of it has been checked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from vivavoce.errors import Conflict, StorageError
from vivavoce.storage.folder import refusal, sync_folder

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHECKSUM: Final = "manifest.sha256"
NAME: Final = re.compile(r"(tables/[a-z_]{1,64}/\d{6}\.jsonl\.gz|blobs(/[A-Za-z0-9_-][A-Za-z0-9_.-]*){1,8})")
"""What a member may be called: nothing that begins with a dot or a slash, or leads out of a folder."""
PIECE: Final = 1 << 20
LARGEST_PART: Final = 64 << 20
"""Bytes of rows in one member, unpacked. Ours are of `backup_tables.PART` and a row; more would be a bomb."""
LARGEST_MANIFEST: Final = 256 << 20


class Member(msgspec.Struct, frozen=True):
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` is that of the schema. `counters` are the last numbers that were given out, by table. `lost` are
    blobs that were deleted while the backup was made, and `keys` those of keys that sealed something in it.
    """

    format: int = FORMAT
    program: str
    revision: str
    made_at: int
    tables: dict[str, int]
    counters: dict[str, int]
    members: dict[str, Member]
    lost: list[str]
    keys: list[str]


class Writer:
    """Made by `writing`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: IO[bytes], size: int, sha256: str) -> None:
        """`content` from where it stands, of that size and checksum."""
        info = tarfile.TarInfo(name)
        info.size = size
        info.mode = 0o600
        self._tar.addfile(info, content)
        self.members[name] = Member(size, sha256)

    def add_bytes(self, name: str, content: bytes) -> None:
        self.add(name, io.BytesIO(content), len(content), hashlib.sha256(content).hexdigest())

    def finish(self, manifest: Manifest) -> None:
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self.add_bytes(MANIFEST, body)
        self.add_bytes(CHECKSUM, hashlib.sha256(body).hexdigest().encode())


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new backup at `path`, which is there when this is left without an error. Raises Conflict when something is
    there already, StorageFull or StorageUnavailable where it cannot be written.
    """
    if path.exists():
        raise Conflict(f"{path} is there already; a backup never replaces another one")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    except OSError as error:
        raise refusal(error, path) from error
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)  # unlike a rename, never in place of another one
        sync_folder(path.parent)
    except FileExistsError:
        raise Conflict(f"{path} is there already; a backup never replaces another one") from None
    except OSError as error:
        raise refusal(error, path) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


class Reader:
    """A backup that has been checked to its last byte. Made by `reading`."""

    def __init__(self, tar: tarfile.TarFile, infos: dict[str, tarfile.TarInfo], manifest: Manifest) -> None:
        self._tar = tar
        self._infos = infos
        self.manifest = manifest

    def parts(self, table: str) -> Iterator[list[bytes]]:
        """The rows of a table, in lines, part by part; the first line of each names the columns."""
        for name in sorted(name for name in self._infos if name.startswith(f"tables/{table}/")):
            yield _unpacked(name, self._open(name)).splitlines()

    def blobs(self) -> list[str]:
        return [name.removeprefix("blobs/") for name in self._infos if name.startswith("blobs/")]

    def blob(self, key: str) -> Iterator[bytes]:
        with self._open(f"blobs/{key}") as content:
            while piece := content.read(PIECE):
                yield piece

    def _open(self, name: str) -> IO[bytes]:
        content = self._tar.extractfile(self._infos[name])
        assert content is not None
        return content


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Check the whole backup at `path`, then read from it. Raises StorageError with the member that is wrong."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield _checked(path, tar)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise StorageError(f"{path} is no backup, or a damaged one: {error}") from error
    except OSError as error:
        raise refusal(error, path) from error


def _checked(path: Path, tar: tarfile.TarFile) -> Reader:
    infos: dict[str, tarfile.TarInfo] = {}
    found: dict[str, Member] = {}
    for info in tar:
        name = info.name
        if not info.isreg() or info.issparse():
            raise StorageError(f"{path}: {name!r} is no ordinary file; no backup of ours has such")
        if name not in (MANIFEST, CHECKSUM) and not NAME.fullmatch(name):
            raise StorageError(f"{path}: {name!r} is no name that a backup of ours has")
        if name in infos:
            raise StorageError(f"{path}: {name} is there twice")
        infos[name] = info
        found[name] = _measured(tar, info)
    manifest = _manifest(path, tar, infos, found)
    del infos[MANIFEST], infos[CHECKSUM], found[MANIFEST], found[CHECKSUM]
    for name, member in manifest.members.items():
        if found.get(name) != member:
            raise StorageError(f"{path} is damaged: {name} {'is not what it was' if name in found else 'is missing'}")
    if extra := found.keys() - manifest.members.keys():
        raise StorageError(f"{path}: {min(extra)} does not belong to it")
    return Reader(tar, infos, manifest)


def _measured(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    digest = hashlib.sha256()
    size = 0
    content = tar.extractfile(info)
    assert content is not None
    while piece := content.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return Member(size, digest.hexdigest())


def _manifest(
    path: Path, tar: tarfile.TarFile, infos: dict[str, tarfile.TarInfo], found: dict[str, Member]
) -> Manifest:
    if MANIFEST not in infos or CHECKSUM not in infos:
        raise StorageError(f"{path} is no backup, or one that was cut off: it has no manifest")
    if found[MANIFEST].size > LARGEST_MANIFEST or found[CHECKSUM].size != 64:
        raise StorageError(f"{path} is damaged: {MANIFEST}")
    body, checksum = (_all(tar, infos[name]) for name in (MANIFEST, CHECKSUM))
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise StorageError(f"{path} is damaged: {MANIFEST} or {CHECKSUM}")
    form = msgspec.json.decode(body, type=dict[str, Any]).get("format")
    if form != FORMAT:
        raise StorageError(f"{path} is of the format {form}, this program reads {FORMAT}: use a newer Vivavoce")
    try:
        return msgspec.json.decode(body, type=Manifest)
    except msgspec.ValidationError as error:
        raise StorageError(f"{path}: its {MANIFEST} is none of ours: {error}") from error


def _all(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(info)
    assert content is not None
    return content.read()


def packed(lines: list[bytes]) -> bytes:
    """Lines as a member holds them. Without a time in it: the same rows make the same bytes."""
    return gzip.compress(b"\n".join(lines), 6, mtime=0)


def _unpacked(name: str, content: IO[bytes]) -> bytes:
    machine = zlib.decompressobj(wbits=31)
    try:
        body = machine.decompress(content.read(LARGEST_PART), LARGEST_PART)
    except zlib.error as error:
        raise StorageError(f"{name} cannot be unpacked: {error}") from error
    if not machine.eof:
        raise StorageError(f"{name} is larger than any that we make")
    return body
