"""The spool: one append-only file for each recording, until its sound is in the blob store.

    spool/<recording>.sound     a header, then chunks of records (records.py), sealed where sealing is on

Bounded: with less than `reserve` free on the disk, or more than `most` in it, there is no room for more.
All methods block; they are called in a thread.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vivavoce.archive import frames
from vivavoce.errors import StorageError, StorageFull

log = logging.getLogger(__name__)

RESERVE: Final = 2 << 30
"""Bytes of the disk that are left to everything else."""
_NAME: Final = re.compile(r"([0-9a-f]{32})\.sound")


class Header(msgspec.Struct, frozen=True):
    """Whose sound it is. Nothing that was said."""

    recording: str
    conversation: str
    owner: str
    gateway: str
    start: int
    """Samples of the sample clock."""
    created_at: int
    sealed: bool


class Spool:
    """See the head of the module. `free` tells the bytes left on the disk."""

    def __init__(self, folder: Path, most: int, free: Callable[[], int] | None = None, reserve: int = RESERVE) -> None:
        self._folder = folder
        self._most = most
        self._reserve = reserve
        self._free = free or (lambda: _free(folder))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sizes = {name: self._path(name).stat().st_size for name in self.recordings()}

    @property
    def used(self) -> int:
        """Bytes."""
        return sum(self._sizes.values())

    @property
    def count(self) -> int:
        """Recordings of which there is sound here."""
        return len(self._sizes)

    def full(self) -> str:
        """Why nothing more may be recorded; empty while it may."""
        if self.used >= self._most:
            return "spool_full"
        try:
            return "disk_full" if self._free() < self._reserve else ""
        except OSError:
            return "disk_full"

    def begin(self, header: Header) -> None:
        """Raises StorageFull."""
        self.append(header.recording, [msgspec.json.encode(header)])

    def append(self, recording: str, chunks: Sequence[bytes]) -> None:
        """All chunks or none. Raises StorageFull."""
        data = b"".join(map(frames.framed, chunks))
        try:
            frames.append(self._path(recording), data)
        except OSError as error:
            raise StorageFull(f"the spool cannot be written: {error.strerror}") from error
        self._sizes[recording] = self._sizes.get(recording, 0) + len(data)

    def recordings(self) -> list[str]:
        """Of which there is sound here."""
        return sorted(match[1] for entry in os.listdir(self._folder) if (match := _NAME.fullmatch(entry)))

    def header(self, recording: str) -> Header | None:
        """None where there is no file, or one that broke off in its first bytes."""
        try:
            first = next(frames.read(self._path(recording)), b"")
            return msgspec.json.decode(first, type=Header)
        except (OSError, msgspec.DecodeError):
            return None

    def chunks(self, recording: str) -> Iterator[bytes]:
        """As they were appended, up to the last whole one. Raises StorageError."""
        try:
            reader = frames.read(self._path(recording))
            next(reader, None)
            yield from reader
        except OSError as error:
            raise StorageError(f"the spool cannot be read: {error.strerror}") from error

    def drop(self, recording: str) -> None:
        """Also when it is gone already."""
        self._sizes.pop(recording, None)
        self._path(recording).unlink(missing_ok=True)

    def _path(self, recording: str) -> Path:
        return self._folder / f"{recording}.sound"


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
