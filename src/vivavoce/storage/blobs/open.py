"""Which blobs they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vivavoce.storage.blobs.folder import FolderBlobs
from vivavoce.storage.blobs.port import Blobs


@asynccontextmanager
async def open_blobs(folder: Path, address: str = "", endpoint: str = "") -> AsyncIterator[Blobs]:
    """Blobs in S3 (`s3://bucket/prefix`, where the endpoint names another server than Amazon's), in memory
    (`memory:`), in a folder that several processes share (`/…`), else in the folder. Raises ConfigError for an address
    that is none. An S3 that is away does not hinder.
    """
    if not address or address.startswith("/"):
        yield FolderBlobs(Path(address) if address else folder)
        return
    from vivavoce.storage.blobs import remote

    yield remote.memory() if address == "memory:" else remote.s3(address, endpoint)
