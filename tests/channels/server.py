"""A real server on a free port of this machine, with fake sessions behind it."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from channels.actors import FakeSessions
from channels.people import Entrance
from vivavoce.channels.census import Census
from vivavoce.channels.door import Socket
from vivavoce.channels.duplex import DuplexChannel
from vivavoce.channels.feed import LiveFeed
from vivavoce.channels.http import Guarded, Status, http_app, pages, uvicorn_options
from vivavoce.channels.limits import DUPLEX, LIVE, STREAMING, CensusLimits, HttpLimits, SocketLimits
from vivavoce.channels.live import LiveChannel
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.readiness import Readiness
from vivavoce.channels.streaming import StreamingChannel
from vivavoce.channels.websocket import Gateway, Route

TALK = Socket("conversation", "talk", guests=True)
WATCH = Socket("live")


class Serving:
    """What a journey holds of the server."""

    def __init__(self, limits: SocketLimits, entrance: Entrance, census: CensusLimits) -> None:
        self.entrance = entrance
        self.sessions = FakeSessions()
        self.readiness = Readiness()
        self.readiness.ready()
        self.metrics = Metrics()
        self.port = 0
        self.gateway = Gateway(
            [
                Route("/ws/duplex/", TALK, DUPLEX, lambda link, name: DuplexChannel(link, name, self.sessions)),
                Route(
                    "/ws/streaming/", TALK, STREAMING, lambda link, name: StreamingChannel(link, name, self.sessions)
                ),
                Route("/ws", WATCH, LIVE, lambda link, _: LiveChannel(link, self.feed)),
            ],
            entrance.door,
            self.readiness,
            self.metrics,
            limits,
        )
        self.feed = LiveFeed(entrance.bus)
        self.census = Census(census, entrance.door.ways.proxies)

    def url(self, path: str = "/ws/duplex/kitchen-1") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    @asynccontextmanager
    async def client(self, path: str = "/ws/duplex/kitchen-1") -> AsyncIterator[ClientConnection]:
        async with connect(self.url(path), max_size=None) as client:
            yield client

    def errors(self, code: str) -> float:
        return self.metrics.registry.get_sample_value("vivavoce_errors_total", {"code": code}) or 0.0


async def eventually(check: Callable[[], object]) -> None:
    """Until it is so; the journey's own time limit is the bound."""
    while not check():  # noqa: ASYNC110 — real sockets, and no event to wait for
        await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(
    limits: SocketLimits | None = None,
    http: HttpLimits | None = None,
    entrance: Entrance | None = None,
    census: CensusLimits | None = None,
    **options: Any,
) -> AsyncIterator[Serving]:
    """The gateway and its HTTP application under uvicorn; everything is gone at the end."""
    made = Serving(limits or SocketLimits(linger_s=0.5), entrance or Entrance(guests=True), census or CensusLimits())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made.port = listening.getsockname()[1]
        shown = pages(made.readiness, made.metrics, lambda: Status("0"))
        app = http_app(Guarded(made.entrance.door, made.entrance.cache), shown)
        protocols = uvicorn_options(made.gateway, http or HttpLimits(), made.census)
        config = uvicorn.Config(app, log_level="warning", **protocols, **options)
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.serve(sockets=[listening]))
            try:
                async with made.gateway:
                    await eventually(lambda: server.started)
                    yield made
            finally:
                server.should_exit = True
                await running


class RawClient:
    """A client that does what no library would: writes bytes and reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(
        cls, port: int, path: str = "/ws/duplex/raw-client", connection: str = "Upgrade", fields: bytes = b""
    ) -> RawClient:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=1_024)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: {connection}\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n".encode()
            + fields
            + b"\r\n"
        )
        return cls(reader, writer)

    async def answer(self) -> str:
        """The status line; the rest of the head is read too."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head.partition(b"\r\n")[0].decode()

    def frame(self, first_byte: int, payload: bytes, *, masked: bool = True) -> None:
        """One frame; the mask is zero, so the payload is as it is given."""
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head = struct.pack("!BB", first_byte, bit | len(payload))
        else:
            head = struct.pack("!BBQ", first_byte, bit | 127, len(payload))
        self.writer.write(head + (bytes(4) if masked else b"") + payload)

    async def closing(self) -> int | None:
        """Read to the end; the number of the close frame, if one came."""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                length = second & 0x7F
                if length == 126:
                    (length,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
                payload = await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if first & 0x0F == 8:
                return int(struct.unpack("!H", payload[:2])[0])

    async def hang_up(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
