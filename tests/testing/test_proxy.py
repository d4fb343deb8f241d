"""The bad line does to real sockets what its name says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vivavoce.aio import now
from vivavoce.testing.proxy import Proxy

pytestmark = pytest.mark.journey


class Call:
    """A client's end of a connection through the proxy to a server that sends everything back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def echo(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.reader.readexactly(len(data))


async def _send_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.write(b"bye")
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def line() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(_send_back, "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


@asynccontextmanager
async def call(proxy: Proxy) -> AsyncIterator[Call]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Call(reader, writer)
    finally:
        writer.close()


async def test_what_is_sent_arrives_and_the_end_of_one_side_leaves_the_other_open():
    async with line() as proxy, call(proxy) as caller:
        sent = bytes(range(256)) * 1000
        assert await caller.echo(sent) == sent
        assert proxy.connections == 1
        caller.writer.write_eof()
        assert await caller.reader.read() == b"bye"


async def test_a_cut_is_a_reset_and_the_next_call_gets_through():
    async with line() as proxy:
        async with call(proxy) as caller:
            await caller.echo(b"hello")
            proxy.cut()
            with pytest.raises(ConnectionResetError):
                await caller.reader.read()
        async with call(proxy) as again:
            assert await again.echo(b"back") == b"back"
            assert proxy.connections == 1


async def test_a_closed_line_takes_nobody_until_it_is_good_again():
    async with line() as proxy:
        async with call(proxy) as caller:
            await caller.echo(b"hello")
            proxy.close()
            with pytest.raises(ConnectionResetError):
                await caller.reader.read()
        with pytest.raises(ConnectionResetError):
            async with call(proxy) as refused:
                await refused.reader.read()
        assert proxy.refused == 1
        proxy.forward()
        async with call(proxy) as again:
            assert await again.echo(b"back") == b"back"


async def test_a_black_hole_tells_nobody_and_gives_nothing_back():
    async with line() as proxy, call(proxy) as caller, call(proxy) as other:
        await caller.echo(b"hello")
        proxy.swallow()
        caller.writer.write(b"lost")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await caller.reader.read(1)
        proxy.forward()
        assert await caller.echo(b"found") == b"found"
        assert await other.echo(b"too") == b"too"


async def test_a_slow_line_takes_its_time():
    async with line() as proxy, call(proxy) as caller:
        proxy.slow(10_000)
        began = now()
        assert len(await caller.echo(bytes(3_000))) == 3_000
        assert 0.2 < now() - began < 5
        proxy.forward()
        began = now()
        await caller.echo(bytes(100_000))
        assert now() - began < 5


async def test_where_nobody_listens_the_caller_is_told_so():
    server = await asyncio.start_server(_send_back, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with Proxy(port) as proxy, call(proxy) as caller:
        with pytest.raises(ConnectionResetError):
            await caller.reader.read()


async def test_leaving_it_with_open_calls_leaves_nothing_running():
    async with line() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await Call(reader, writer).echo(b"hello")
        proxy.swallow()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
