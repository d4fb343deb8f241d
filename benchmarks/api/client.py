"""An HTTP client that costs little: keep-alive connections, one request at a time each, written beforehand.

It reads what it must to be honest: the status, the length, and all of the body.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

_LENGTH = b"content-length: "


@dataclass(slots=True)
class Tally:
    """What came back. Latencies in milliseconds, of each request in the order of its answer."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    bytes: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Line(asyncio.Protocol):
    """One connection: the next request goes out when the answer before it is whole."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, ends: float, least: int) -> None:
        self._requests = requests
        self._tally = tally
        self._ends = ends
        self._least = least
        self._now = asyncio.get_running_loop().time
        self._received = b""
        self._needed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._needed:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            start = self._received.find(_LENGTH, 0, head) + len(_LENGTH)
            self._needed = head + 4 + int(self._received[start : self._received.find(b"\r", start)])
        if len(self._received) < self._needed:
            return
        tally, moment = self._tally, self._now()
        status = int(self._received[9:12])
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.bytes += self._needed
        tally.latencies.append((moment - self._asked) * 1000)
        self._received = b""
        self._needed = 0
        if moment < self._ends or len(tally.latencies) < self._least:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = self._now()
        self._transport.write(next(self._requests))


async def hammer(port: int, requests: Sequence[bytes], connections: int, seconds: float, *, least: int = 0) -> Tally:
    """Send `requests` round and round over so many connections for so long, and until so many were answered."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    began = loop.time()
    turning = itertools.cycle(requests)
    lines = []
    for _ in range(connections):
        _, line = await loop.create_connection(lambda: _Line(turning, tally, began + seconds, least), "127.0.0.1", port)
        lines.append(line)
    await asyncio.gather(*(line.done for line in lines))
    tally.seconds = loop.time() - began
    return tally


def get(port: int, path: str, token: str | None = None) -> bytes:
    """A request as it travels."""
    shown = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n{shown}\r\n".encode()


def post(port: int, path: str, body: bytes) -> bytes:
    """The same with JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
