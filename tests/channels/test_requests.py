"""Journeys over real sockets: requests that are too large, too slow, or not to be read."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from channels.server import Serving, serving
from vivavoce import aio
from vivavoce.channels.limits import HttpLimits

pytestmark = pytest.mark.journey

HASTY = HttpLimits(head_s=0.2, body_look_s=0.2, blocked_s=0.3, linger_s=0.3)
MANY = 18 << 20
"""Bytes that a peer would like us to keep."""


class Peer:
    """Writes what it likes and reads whole answers."""

    def __init__(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, group: asyncio.TaskGroup
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._group = group
        self.host = f"Host: 127.0.0.1:{port}\r\n".encode()

    def head(self, path: str = "/health", *fields: bytes, method: str = "GET") -> bytes:
        return f"{method} {path} HTTP/1.1\r\n".encode() + self.host + b"".join(field + b"\r\n" for field in fields)

    async def send(self, data: bytes) -> None:
        """All of it, or as much as is taken before the other side ends."""
        try:
            for start in range(0, len(data), 65_536):
                if self._writer.is_closing():
                    return
                self._writer.write(data[start : start + 65_536])
                await self._writer.drain()
        except ConnectionError:
            pass

    def begin_to_send(self, data: bytes) -> None:
        aio.spawn(self._group, self.send(data), "sending")

    @property
    def gone(self) -> bool:
        return self._writer.is_closing()

    async def answer(self) -> tuple[int, Any]:
        """Status and JSON body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return int(head.split()[1]), json.loads(await self._reader.readexactly(length))

    async def end(self) -> bytes:
        """What comes until the connection is over."""
        try:
            return await self._reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def peer(made: Serving) -> AsyncIterator[Peer]:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", made.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1_024)
    async with asyncio.TaskGroup() as group:
        try:
            yield Peer(made.port, reader, writer, group)
        finally:
            writer.transport.abort()


async def refusal(made: Serving, data: bytes) -> tuple[int, str]:
    """How `data` is answered, and that the connection ends after it."""
    async with peer(made) as one:
        one.begin_to_send(data)
        status, body = await one.answer()
        assert await one.end() == b""
        return status, body["code"]


HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"A: " + b"x" * MANY,
        HEAD + (b"A: " + b"x" * 1000 + b"\r\n") * (MANY // 1000),
        HEAD + b"x" * MANY,
        b"GET /" + b"x" * MANY,
        HEAD + b"A: 1\r\n" * 100 + b"\r\n",
        HEAD + b"A: " + b"x" * (16 << 10) + b"\r\n\r\n",
    ],
    ids=["one field", "many fields", "a name", "a path", "101 fields", "over 16 KiB"],
)
async def test_a_head_without_end_is_refused_and_not_kept(data: bytes) -> None:
    async with serving(http=HASTY) as made:
        assert await refusal(made, data) == (431, "head_too_large")


async def test_an_upgrade_is_bound_by_the_same() -> None:
    async with serving(http=HASTY) as made:
        fields = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        data = b"GET /ws/duplex/a HTTP/1.1\r\nHost: localhost\r\n" + fields + b"A: 1\r\n" * 100 + b"\r\n"
        assert await refusal(made, data) == (431, "head_too_large")


async def test_a_hundred_fields_and_sixteen_kibibytes_are_served() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head("/health", *[b"A: 1"] * 99) + b"\r\n")
        assert (await one.answer())[0] == 200
        await one.send(one.head("/health", b"A: " + b"x" * (16_384 - 100)) + b"\r\n")
        assert (await one.answer())[0] == 200


async def test_a_body_that_nobody_takes_is_bound() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head("/health", b"Content-Length: 18000000", method="POST") + b"\r\n")
        assert (await one.answer())[0] == 405
        one.begin_to_send(bytes(MANY))
        status, body = await one.answer()
        assert (status, body["code"]) == (413, "body_too_large")
        assert await one.end() == b""


@pytest.mark.parametrize("trailer", [b"A: " + b"x" * MANY, b"A: 1\r\n" * 200], ids=["one field", "many fields"])
async def test_a_trailer_without_end_is_not_kept(trailer: bytes) -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head("/health", b"Transfer-Encoding: chunked", method="POST") + b"\r\n")
        assert (await one.answer())[0] == 405
        one.begin_to_send(b"0\r\n" + trailer)
        assert (await one.answer())[0] in (413, 431)


@pytest.mark.parametrize("said", [b"", b"\r\n", b"GET /", HEAD, HEAD + b"A: "], ids=repr)
async def test_who_says_nothing_or_stops_in_the_middle_of_a_head_is_let_go(said: bytes) -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        began = time.monotonic()
        await one.send(said)
        rest = await one.end()
        assert rest.startswith(b"HTTP/1.1 408 ") == said.startswith(b"GET")
        assert 0.15 < time.monotonic() - began < 1.5


async def test_who_says_a_byte_now_and_then_is_let_go_too() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:

        async def drip() -> None:
            for byte in HEAD:
                await one.send(bytes([byte]))
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            aio.spawn(group, drip(), "drip")
            assert (await one.answer())[0] == 408


async def test_a_request_after_another_has_its_time_as_well() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head() + b"\r\n")
        assert (await one.answer())[0] == 200
        await asyncio.sleep(0.4)  # between requests a connection may rest longer
        await one.send(one.head() + b"\r\n" + b"GET /")
        assert (await one.answer())[0] == 200
        status, body = await one.answer()
        assert (status, body["code"]) == (408, "too_slow")


async def test_a_body_that_trickles_is_given_up() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head("/health", b"Content-Length: 1000", method="POST") + b"\r\n")
        assert (await one.answer())[0] == 405
        await one.send(b"x")
        assert (await one.answer())[0] == 408


async def test_what_follows_an_upgrade_that_we_do_not_know_ends() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        await one.send(one.head("/health", b"Connection: Upgrade", b"Upgrade: other") + b"\r\n")
        assert (await one.answer())[0] == 200
        await one.send(b"anything")
        assert (await one.answer())[0] == 400


async def test_no_http_at_all_is_told_so() -> None:
    async with serving(http=HASTY) as made:
        assert await refusal(made, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") == (400, "bad_request")


async def test_a_websocket_outlives_the_time_of_its_request() -> None:
    async with serving(http=HASTY) as made, made.client() as client:
        await asyncio.sleep(0.5)
        await client.send('{"type": "prepare"}')
        assert json.loads(await client.recv())["type"] == "queue_done"


async def test_who_does_not_read_the_answers_is_cut() -> None:
    async with serving(http=HASTY) as made, peer(made) as one:
        asking = one.head("/metrics") + b"\r\n"
        began = time.monotonic()
        await one.send(asking * 2_000)
        while not one.gone:
            await one.send(asking)
            await asyncio.sleep(0.02)
        assert time.monotonic() - began >= HASTY.blocked_s


def test_the_same_under_uvloop() -> None:
    async def work() -> None:
        async with serving(http=HASTY) as made:
            assert await refusal(made, HEAD + b"A: " + b"x" * MANY) == (431, "head_too_large")
            async with peer(made) as one:
                assert await one.end() == b""

    uvloop.run(work())
