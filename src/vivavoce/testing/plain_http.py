"""Just enough HTTP/1.1 for servers in tests, on asyncio alone: they can stop at any byte, which frameworks do not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_BODY = 64 * 1024 * 1024
DRIP_S = 0.01
"""Pause after an event that is sent byte by byte."""
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """Counts connections from 1: equal numbers shared one."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, bytes]:
        """The parts of a multipart form by name."""
        boundary = self.headers["content-type"].partition("boundary=")[2].encode()
        parts = {}
        for part in self.body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]+)"', head)
            parts[name[1].decode() if name else ""] = content.removesuffix(b"\r\n")
        return parts


class Answer:
    """One HTTP response."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def whole(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\nContent-Type: application/json\r\n{more}"
        self._writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        await self._writer.drain()

    async def begin(self, kind: str) -> None:
        self._writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        await self._writer.drain()

    async def piece(self, content: bytes) -> None:
        self._writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def events(self, events: AsyncIterator[str], pause_s: float, drip: bool = False) -> None:
        await self.begin("text/event-stream")
        async for event in events:
            line = event.encode() if event.startswith("\n") else f"data: {event}\n\n".encode()
            if drip:
                for byte in line:
                    await self.piece(bytes([byte]))
                await asyncio.sleep(DRIP_S)
            else:
                await self.piece(line)
            await asyncio.sleep(pause_s)
        await self.end()


async def read_request(reader: asyncio.StreamReader, connection: int) -> Asked | None:
    """The next request of a keep-alive connection, or None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(min(int(headers.get("content-length", "0")), MOST_BODY))
    return Asked(method, path, headers, body, connection)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        body += await reader.readexactly(min(size, MOST_BODY))
        await reader.readline()
    await reader.readline()
    return body
