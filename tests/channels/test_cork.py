from __future__ import annotations

import asyncio
from typing import Any, cast

from vivavoce.channels.cork import Cork


class Wire:
    """A transport that remembers what it was given."""

    def __init__(self) -> None:
        self.sent: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def write_eof(self) -> None:
        self.sent.append("eof")

    def close(self) -> None:
        self.sent.append("closed")

    def is_closing(self) -> bool:
        return False


def corked() -> tuple[Wire, Any]:
    wire = Wire()
    return wire, Cork(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_what_is_written_before_a_flush_is_one_send() -> None:
    wire, cork = corked()
    cork.write(b"head")
    cork.write(b"body")
    assert wire.sent == []
    cork.flush()
    assert wire.sent == [b"headbody"]
    await asyncio.sleep(0)
    assert wire.sent == [b"headbody"]


async def test_without_a_flush_it_goes_when_the_loop_turns() -> None:
    wire, cork = corked()
    cork.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"event"]


async def test_much_is_not_held() -> None:
    wire, cork = corked()
    for _ in range(10):
        cork.write(bytes(10_000))
    assert sum(map(len, cast(list[bytes], wire.sent))) == 70_000
    cork.flush()


async def test_the_end_comes_after_what_was_written() -> None:
    wire, cork = corked()
    cork.write(b"a")
    cork.write_eof()
    cork.write(b"b")
    cork.close()
    assert wire.sent == [b"a", "eof", b"b", "closed"]
    assert cork.is_closing() is False
