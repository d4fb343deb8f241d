"""Append-only files of checked frames: `length u32 · CRC-32 u32 · bytes`.

A process that dies while it writes leaves a torn frame at the end, and a reader takes everything before it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct("<II")
MOST: Final = 8 << 20
"""Bytes of one frame; more is no frame."""


def framed(payload: bytes) -> bytes:
    """Ready to be appended."""
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def append(path: Path, data: bytes, *, durable: bool = False) -> None:
    """All of `data` at the end, or nothing; with `durable` it outlives a loss of power. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        before = os.fstat(fd).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if durable:
                os.fsync(fd)
        except OSError:
            os.ftruncate(fd, before)  # what comes later must not stand behind a torn frame
            raise
    finally:
        os.close(fd)


def read(path: Path) -> Iterator[bytes]:
    """The whole frames from the beginning on. Raises OSError."""
    with path.open("rb") as file:
        yield from _read(file)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        size, check = _HEAD.unpack(head)
        payload = file.read(size) if size <= MOST else b""
        if len(payload) < size or size > MOST or zlib.crc32(payload) != check:
            return
        yield payload
