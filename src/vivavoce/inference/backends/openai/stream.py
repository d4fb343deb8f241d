"""The events of a response, read with a bound; and how a connection is kept when the last event was seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from vivavoce.inference.backends.openai.endpoint import pieces
from vivavoce.inference.backends.openai.sse import EventReader
from vivavoce.inference.translate import final

DRAIN_S = 0.25
"""Seconds that a server gets to end a stream after its last event, before the connection is given up."""


async def events(response: httpx.Response, most: int) -> AsyncGenerator[bytes, None]:
    """The data of each event. Raises BackendError when the stream is longer than `most` bytes."""
    reader, size = EventReader(), 0
    async with aclosing(pieces(response)) as arriving:
        async for piece in arriving:
            size += len(piece)
            if size > most:
                raise final(f"the stream ran past {most:,} bytes and was stopped")
            for event in reader.feed(piece):
                yield event
    for event in reader.finish():
        yield event


async def drain(rest: AsyncGenerator[bytes, None]) -> None:
    """Read what is left. Only a connection whose response was read to the end is used again."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in rest:
                pass
    except TimeoutError:
        return
