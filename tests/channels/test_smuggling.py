"""Requests that two parsers could read differently: what a proxy passes on as one, we must not read as two."""

from __future__ import annotations

import asyncio
import re

import pytest

from channels.server import serving

pytestmark = pytest.mark.real

FIRST = b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HIDDEN = b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
"""If it were answered, the connection would end with that answer."""


async def answers(port: int, request: bytes) -> list[int]:
    """The status of each answer, until the other side ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    try:
        async with asyncio.timeout(5):
            told = await reader.read(1 << 16)
            while more := await reader.read(1 << 16):
                told += more
    finally:
        writer.close()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", told)]


def post(*fields: bytes, body: bytes) -> bytes:
    head = b"".join(field + b"\r\n" for field in (b"POST /health HTTP/1.1", b"Host: 127.0.0.1", *fields))
    return head + b"\r\n" + body


AMBIGUOUS = {
    "length and chunks": post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a length that is none": post(b"Content-Length: +0", body=HIDDEN),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(HIDDEN), body=HIDDEN),
    "an encoding before chunked that is after it": post(b"Transfer-Encoding: chunked, identity", body=HIDDEN),
    "an encoding that nobody knows": post(b"Transfer-Encoding: xchunked", body=HIDDEN),
    "a blank before the colon": post(b"Content-Length : %d" % len(HIDDEN), body=HIDDEN),
    "a folded field": post(b"X-One: a", b" Content-Length: 0", body=b""),
    "a bare carriage return": post(b"X-One: a\rContent-Length: 0", body=b""),
    "a nul": post(b"X-One: a\0b", body=b""),
    "a chunk's length that is none": post(b"Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + HIDDEN),
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_is_ambiguous_is_refused_and_hides_nothing(request_: bytes) -> None:
    async with serving() as made:
        told = await answers(made.port, request_)
    # Where the application had begun to answer the connection is cut instead.
    assert told in ([400], [])


async def test_two_requests_in_one_piece_are_two() -> None:
    async with serving() as made:
        assert len(await answers(made.port, FIRST + HIDDEN)) == 2


async def test_a_whole_address_as_a_target_names_no_other_host() -> None:
    async with serving() as made:
        told = await answers(
            made.port, b"GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
    assert told == [403]
