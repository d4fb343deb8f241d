"""A TCP proxy whose line can be made bad: cut, swallowed by a black hole, slow. For tests of what clients then do.

It stands between a client and a server on this machine and knows nothing of what passes. What was sent while the line
was a black hole is lost, as it is where a machine has vanished: nobody is told, and the connections stay open.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType

from vivavoce import aio

_PIECE = 16 << 10
"""Bytes taken at once; one of them per direction and connection is in the proxy."""
_BEAT_S = 0.05
"""A slow line passes on what it may in steps of this."""
_RESET = struct.pack("ii", 1, 0)
"""Linger for no time at all: the close is a reset."""


class Proxy:
    """Forwards `127.0.0.1:port` to `127.0.0.1:target`. An async context manager; leaving it cuts what is open."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.refused = 0
        """Calls that a closed line has reset."""
        self._target = target
        self._group = asyncio.TaskGroup()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._closed = False
        self._swallowing = False
        self._rate: float | None = None

    async def __aenter__(self) -> Proxy:
        await self._group.__aenter__()
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._closed = True
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        # Without the body's error, which is the test's and goes on as itself instead of in a group.
        await self._group.__aexit__(None, None, None)

    @property
    def connections(self) -> int:
        """Sockets of clients that are open."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Reset everything that is open, to both sides. New connections are as welcome as before."""
        for writer in tuple(self._writers):
            _reset(writer)

    def close(self) -> None:
        """Cut, and reset whoever dials from now on."""
        self._closed = True
        self.cut()

    def swallow(self) -> None:
        """Become a black hole: connections stay and open, and nothing that is sent arrives."""
        self._swallowing = True

    def slow(self, bytes_s: float) -> None:
        """Pass on so many bytes a second per connection and direction."""
        self._rate = bytes_s

    def forward(self) -> None:
        """A good line again. What was swallowed stays lost."""
        self._closed = self._swallowing = False
        self._rate = None

    # ── one connection ────────────────────────────────────────────────────────────────────────────

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            self.refused += 1
            _reset(writer)
            return
        task = aio.spawn(self._group, self._carry(reader, writer), "proxied connection")
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        ends = (writer, far_writer)
        self._writers.update(ends)
        try:
            async with asyncio.TaskGroup() as both:
                aio.spawn(both, self._pump(reader, far_writer), "proxy up")
                aio.spawn(both, self._pump(far_reader, writer), "proxy down")
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction until its end; a reset on either side is an end too, and is passed on."""
        try:
            while piece := await reader.read(_PIECE):
                if not self._swallowing:
                    await self._pass_on(piece, writer)
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            _reset(writer)

    async def _pass_on(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        left = memoryview(piece)
        while left:
            step = len(left) if self._rate is None else max(1, round(self._rate * _BEAT_S))
            writer.write(left[:step])
            await writer.drain()
            left = left[step:]
            if self._rate is not None:
                await asyncio.sleep(_BEAT_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    # The socket may be gone already, by the peer's own reset.
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
