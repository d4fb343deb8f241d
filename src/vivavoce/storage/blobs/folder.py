"""Blobs in a folder. What is read, listed and deleted goes through obstore; writing is ours, since obstore's does not
ask the disk: a blob is written beside its place, made durable, and then moved there.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar

from obstore.store import LocalStore

from vivavoce.storage.blobs.keys import checked
from vivavoce.storage.blobs.objects import ObjectBlobs
from vivavoce.storage.blobs.port import BlobInfo
from vivavoce.storage.folder import refusal, sync_folder

P = ParamSpec("P")
T = TypeVar("T")

UPLOADS: Final = ".uploads"
"""No key begins with a dot."""
BATCH: Final = 256 << 10
"""Bytes that are collected before a thread writes them."""


class FolderBlobs(ObjectBlobs):
    """`Blobs` in a folder, which must be on one file system."""

    def __init__(self, folder: Path) -> None:
        with _refusing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / UPLOADS).mkdir(mode=0o700, exist_ok=True)
        super().__init__(LocalStore(folder, automatic_cleanup=False))
        self._folder = folder

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        beside = self._folder / UPLOADS / secrets.token_hex(16)
        place = self._folder / checked(key)
        digest = hashlib.sha256()
        size = 0
        file = await _in_thread(place, _create, beside)
        try:
            waiting = bytearray()
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                waiting += chunk
                if len(waiting) >= BATCH:
                    await _in_thread(place, _write, file, bytes(waiting))
                    waiting.clear()
            await _in_thread(place, _finish, file, bytes(waiting), beside, place)
        except BaseException:
            file.close()
            with suppress(FileNotFoundError):
                beside.unlink()
            raise
        return BlobInfo(key, size, digest.hexdigest())

    async def tidy(self, before: int) -> int:
        return await asyncio.to_thread(self._tidied, before)

    def _tidied(self, before: int) -> int:
        gone = 0
        for beside in (self._folder / UPLOADS).iterdir():
            with suppress(FileNotFoundError):  # it was finished just now
                if beside.stat().st_mtime * 1_000 < before:
                    beside.unlink()
                    gone += 1
        return gone


async def _in_thread(path: Path, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`call` in a thread, its errors as ours. A caller that is cancelled waits for it: else its file would be closed
    in the middle of a write, and the number of the handle be another's.
    """
    working = asyncio.get_running_loop().run_in_executor(None, partial(call, *args, **kwargs))
    try:
        await asyncio.wait([working])
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
    with _refusing(path):
        return working.result()


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a file without a buffer may take less
        view = view[file.write(view) :]


def _finish(file: BinaryIO, rest: bytes, beside: Path, place: Path) -> None:
    """Everything on the disk, then the name, then the folder that holds the name."""
    with file:
        _write(file, rest)
        os.fsync(file.fileno())
    made = [parent for parent in place.parents if not parent.exists()]
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.replace(beside, place)
    for folder in {place.parent, *(parent.parent for parent in made)}:
        sync_folder(folder)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What the system refuses, as our error."""
    try:
        yield
    except OSError as error:
        raise refusal(error, path) from error
