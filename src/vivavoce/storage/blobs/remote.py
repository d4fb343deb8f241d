"""Blobs in S3 or in memory: uploads through obstore, in parts of 5 MiB."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore.store import MemoryStore, S3Store

from vivavoce import aio
from vivavoce.errors import Closed, ConfigError, StorageError
from vivavoce.storage.blobs.keys import checked
from vivavoce.storage.blobs.objects import CALL_S, ObjectBlobs, translated
from vivavoce.storage.blobs.port import BlobInfo

PART: Final = 5 << 20
AT_ONCE: Final = 2
"""Parts of one upload that are under way together."""
ABORT_S: Final = 5.0
"""Longest that a cancelled caller waits for its upload to be taken back."""


class _GivenUp(Exception):
    """Ends an upload from its inside, which is what makes the client take it back."""


class _Parts:
    """What is read in the caller's task, handed to the upload's: with no more than two chunks between them."""

    def __init__(self) -> None:
        self._box: aio.Mailbox[bytes] = aio.Mailbox(2, "wait")
        self._given_up = False
        self._hash = hashlib.sha256()
        self.size = 0

    async def put(self, chunk: bytes) -> None:
        """Raises Closed when the upload is over already, which then has its own error."""
        await self._box.put(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def end(self) -> None:
        self._box.close()

    def give_up(self) -> None:
        self._given_up = True
        self._box.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._box:
            if self._given_up:
                break
            yield chunk
        if self._given_up:
            raise _GivenUp


class RemoteBlobs(ObjectBlobs):
    """`Blobs` over a store that takes uploads in parts and shows them only when they are whole."""

    async def put(self, key: str, chunks: AsyncIterable[bytes], content_type: str) -> BlobInfo:
        checked(key)
        parts = _Parts()
        try:
            async with asyncio.TaskGroup() as tasks:
                upload = aio.spawn(tasks, self._upload(key, parts, content_type), f"upload {key}")
                await self._feed(chunks, parts, upload)
        except BaseExceptionGroup as group:
            error = group.exceptions[0]  # that of `chunks`: the upload itself raises nothing
            raise error from error.__cause__
        refusal = upload.result()
        if refusal is not None:
            raise refusal
        return BlobInfo(key, parts.size, parts.sha256)

    async def _feed(self, chunks: AsyncIterable[bytes], parts: _Parts, upload: asyncio.Task[Any]) -> None:
        try:
            async for chunk in chunks:
                await parts.put(chunk)
            parts.end()
        except Closed:
            return  # the upload ended first, and says why
        except BaseException:
            parts.give_up()
            await asyncio.wait([upload], timeout=ABORT_S)
            raise

    async def _upload(self, key: str, parts: _Parts, content_type: str) -> StorageError | None:
        """What went wrong, as a value: raised here it would cancel the reading in the middle of somebody's code."""
        try:
            with translated():
                await obstore.put_async(
                    self._store,
                    key,
                    parts,
                    attributes={"Content-Type": content_type},
                    chunk_size=PART,
                    max_concurrency=AT_ONCE,
                )
        except StorageError as error:
            return error
        except _GivenUp:
            return None  # whoever gave up raises
        finally:
            parts.end()
        return None


def memory() -> RemoteBlobs:
    """Blobs that end with the process, for tests."""
    return RemoteBlobs(MemoryStore())


def s3(address: str, endpoint: str) -> RemoteBlobs:
    """`s3://bucket/prefix`; credentials and region come from the usual `AWS_…` variables, which the client reads.
    Raises ConfigError.
    """
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        raise ConfigError(f"data.blobs: {address!r} is no s3://bucket/prefix")
    limit = timedelta(seconds=CALL_S)
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            config={"endpoint": endpoint} if endpoint else None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=3),
                "timeout": limit,
            },
            retry_config={"max_retries": 2, "retry_timeout": limit},
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise ConfigError("data.blobs: the address, the endpoint or an AWS_ variable cannot be used") from error
    return RemoteBlobs(store)
