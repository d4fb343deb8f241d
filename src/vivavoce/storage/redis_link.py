"""The connection to Redis that cache and bus share: one pool, one limit of time, our errors.

    async with RedisLink.open("redis://127.0.0.1:6379/0") as link:
        async with link.limit():
            await link.client.get(link.name("cache", key))

A Redis that hangs costs the first callers a second each; after that the link answers «away» at once and lets a call
through each half second, so that a frozen Redis does not slow everything down by a second. No command is repeated by
itself: a `GETDEL` that was carried out before the line broke would lose what it took.

Redis should run with `maxmemory-policy noeviction` and `appendonly yes`: streams and counters are not to be evicted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from vivavoce import aio
from vivavoce.errors import ConfigError, StorageError, StorageFull, StorageUnavailable

CALL_S = 1.0
"""Longest a caller waits, for a connection and an answer together."""
REST_S = 0.5
"""After a call that ran out of time the next ones fail at once for so long."""
CONNECTIONS = 32


class RedisLink:
    """See the head of the module. Made by `open`."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self.client = client
        self._prefix = prefix
        self._resting_until = 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[RedisLink]:
        """`redis://host:6379/0`; `?prefix=name` keeps several installations apart in one Redis (`vivavoce`).

        Does not connect yet: a Redis that is away now may come later.
        """
        where, prefix = _split(url)
        try:
            # 1 s for an answer is `limit`'s to keep; a second limit below it would only cost time on each call.
            pool = BlockingConnectionPool.from_url(
                where,
                max_connections=CONNECTIONS,
                timeout=CALL_S,
                socket_timeout=None,
                socket_connect_timeout=CALL_S,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, RedisError) as error:
            raise ConfigError(f"data.redis: {error}") from error
        client = Redis.from_pool(pool)
        try:
            yield cls(client, prefix)
        finally:
            await client.aclose()

    def name(self, *parts: str) -> str:
        """A key or channel of this installation."""
        return ":".join((self._prefix, *parts))

    @asynccontextmanager
    async def limit(self, seconds: float = CALL_S) -> AsyncIterator[None]:
        """What is done inside ends in time, and its errors are ours."""
        if aio.now() < self._resting_until:
            raise StorageUnavailable("Redis does not answer")
        with translated():
            try:
                async with asyncio.timeout(seconds):
                    yield
            except (TimeoutError, RedisTimeout):
                self._resting_until = aio.now() + REST_S
                raise


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the client as ours."""
    try:
        yield
    except OutOfMemoryError as error:
        raise StorageFull("Redis has no memory left") from error
    except ResponseError as error:
        raise _refusal(error) from error
    except (RedisError, TimeoutError, OSError) as error:
        raise StorageUnavailable("Redis does not answer") from error


def _refusal(error: ResponseError) -> StorageError:
    """It has answered, with a no. While it loads its file or changes roles that means: not now."""
    word = str(error).partition(" ")[0]
    if word in {"LOADING", "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}:
        return StorageUnavailable("Redis is not ready")
    if word in {"OOM", "MISCONF"}:
        return StorageFull("Redis cannot keep more")
    return StorageError("Redis refused")


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    prefix = query.pop("prefix", "vivavoce")
    return urlunsplit(parts._replace(query=urlencode(query))), prefix
