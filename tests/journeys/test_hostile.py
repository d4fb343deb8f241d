"""Strangers at the door of a real server: whatever they do has a name, harms nobody else and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from channels.server import RawClient
from journeys.server import Server, serving

pytestmark = pytest.mark.journey

LOUD = struct.pack("<320h", *([8000, -8000] * 160))
QUIET = bytes(640)
QUICK = [
    *("-s", "vad.backend=scripted", "-s", "asr.backend=scripted", "-s", "llm.backend=scripted"),
    *("-s", 'llm.replies=["One two three four five six seven eight nine ten. And so on, and so on, for a long time."]'),
    *("-s", "tts.backend=scripted", "-s", "tts.clause_ms=20000"),
    *("-s", "limits.resume_s=1", "-s", "limits.send_blocked_s=1", "-s", "limits.first_message_s=1"),
    *("-s", "server.drain_s=2"),
    # All of them are one person here.
    *("-s", "rates.conversation=100000", "-s", "rates.conversations_at_once=1000"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, *QUICK) as server:
        yield server


# ── what a process holds ──────────────────────────────────────────────────────────────────────────


def gauge(server: Server, name: str) -> float:
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", server.get("/metrics")[1], re.M)
    return sum(map(float, found))


def belongings(server: Server) -> tuple[int, int, int]:
    """Open files, threads, and child processes."""
    folder = Path(f"/proc/{server.process.pid}")
    children = (folder / "task" / str(server.process.pid) / "children").read_text().split()
    return len(os.listdir(folder / "fd")), len(os.listdir(folder / "task")), len(children)


async def settled(server: Server) -> None:
    """Until nobody is connected and no session is kept any more."""
    async with asyncio.timeout(20):
        while gauge(server, "vivavoce_sockets") or gauge(server, "vivavoce_sessions"):  # noqa: ASYNC110 — another process
            await asyncio.sleep(0.1)


# ── a client of few words ─────────────────────────────────────────────────────────────────────────


class Client:
    def __init__(self, link: ClientConnection) -> None:
        self.link = link
        self.sound = 0

    async def say(self, kind: str, **fields: Any) -> None:
        await self.link.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                data = await self.link.recv()
                if isinstance(data, bytes):
                    self.sound += 1
                    if kind == "sound":
                        return {}
                elif (message := json.loads(data))["type"] == kind:
                    return dict(message)

    async def closed(self) -> int | None:
        async with asyncio.timeout(15):
            with suppress(ConnectionClosed):
                while True:
                    await self.link.recv()
        return self.link.close_code


@asynccontextmanager
async def client(server: Server, name: str, **prepare: Any) -> AsyncIterator[Client]:
    async with connect(
        server.socket(f"/ws/duplex/session-{name}"), max_size=None, ping_interval=None, additional_headers=server.bearer
    ) as link:
        one = Client(link)
        await one.say("prepare", **prepare)
        await one.until("prepared")
        yield one


async def talks(server: Server, name: str = "witness") -> None:
    """Somebody else is served as if nothing had happened."""
    async with client(server, name) as other:
        await other.say("text", text="hello there")
        await other.until("sound")
        await other.say("stop")
        assert await other.closed() == 1000


# ── mistakes ──────────────────────────────────────────────────────────────────────────────────────

MISTAKES: list[tuple[str | bytes, str]] = [
    ("{", "bad_json"),
    ("nul\0l", "bad_json"),
    ('{"type": "played", "reply": 1, "ms": NaN}', "bad_json"),
    ('{"type": "text", "text": "\\ud800"}', "bad_json"),
    ('{"type": "commit", "x": ' + "[" * 100_000, "bad_json"),
    ("[]", "unknown_type"),
    ('{"type": "dance"}', "unknown_type"),
    ('{"type": "prepare"}', "wrong_order"),
    ('{"type": "text", "text": ""}', "bad_input"),
    ('{"type": "text", "text": "%s"}' % ("x" * 20_000), "bad_input"),
    ('{"type": "played", "reply": -1, "ms": 1}', "bad_input"),
    ('{"type": "played", "reply": 1, "ms": -5}', "bad_input"),
    ('{"type": "played", "reply": 1, "ms": 1e308}', "bad_input"),
    ('{"type": "audio_chunk", "audio": "????"}', "bad_audio"),
    ('{"type": "audio_chunk", "format": "f32", "audio": "AADAfw=="}', "bad_audio"),  # not a number
    (bytes(641), "bad_audio"),
    (b"\1", "bad_audio"),
]  # fmt: skip


@pytest.mark.parametrize("half", [0, 1])
async def test_each_mistake_has_its_name_and_the_talk_goes_on(server: Server, half: int) -> None:
    async with client(server, "clumsy") as one:
        for sent, code in MISTAKES[half::2]:
            await one.link.send(sent)
            error = await one.until("error")
            assert (error["code"], error["fatal"]) == (code, False), sent[:60]
        await one.say("text", text="hello there")
        await one.until("sound")


async def test_what_ends_a_connection_is_named_before_its_close(server: Server) -> None:
    async def codec(one: Client) -> None:
        await one.say("prepare", input={"codec": "mp3"})

    async def large(one: Client) -> None:
        await one.say("prepare")
        await one.link.send(bytes(10 << 20))

    async def silent(one: Client) -> None:
        pass

    async def clumsy(one: Client) -> None:
        for _ in range(20):
            await one.link.send("{")

    ends: list[tuple[Callable[[Client], Awaitable[None]], str, int]] = [
        (codec, "codec_unsupported", 1008),
        (large, "message_too_large", 1009),
        (silent, "first_message_timeout", 1008),
        (clumsy, "too_many_errors", 1008),
    ]
    for do, code, number in ends:
        async with connect(
            server.socket("/ws/duplex/session-rude"), max_size=None, additional_headers=server.bearer
        ) as link:
            one = Client(link)
            await do(one)
            while (await one.until("error"))["code"] != code:
                pass
            assert await one.closed() == number
    await settled(server)
    await talks(server)


async def test_the_second_client_of_one_id_is_refused_or_takes_over(server: Server) -> None:
    async with connect(server.socket("/ws/duplex/session-shared"), additional_headers=server.bearer) as link:
        first = Client(link)
        await first.say("prepare")
        token = (await first.until("prepared"))["resume"]
        for wrong in ({}, {"resume": "wrong"}, {"resume": "ключ"}):
            async with connect(server.socket("/ws/duplex/session-shared"), additional_headers=server.bearer) as other:
                second = Client(other)
                await second.say("prepare", **wrong)
                assert (await second.until("error"))["code"] == "session_in_use"
                assert await second.closed() == 1008
        async with client(server, "shared", resume=token) as third:
            assert (await first.until("error"))["code"] == "replaced"
            assert await first.closed() == 1008
            await third.say("text", text="hello there")
            await third.until("sound")


# ── those who vanish ──────────────────────────────────────────────────────────────────────────────


async def test_who_vanishes_in_any_state_or_never_reads_leaves_nothing(server: Server) -> None:
    await talks(server)
    await settled(server)
    before = belongings(server)

    async def vanish(number: int) -> None:
        async with connect(
            server.socket(f"/ws/duplex/session-gone-{number}"), max_size=None, additional_headers=server.bearer
        ) as link:
            one = Client(link)
            if number % 8 > 0:
                await one.say("prepare")
            if number % 8 > 1:
                await one.until("prepared")
            if number % 8 in (2, 3):
                for _ in range(40):
                    await link.send(LOUD)
                if number % 8 == 3:
                    await one.say("commit")
            if number % 8 > 3:
                await one.say("text", text="hello there")
            if number % 8 > 4:
                await one.until("sound")
            if number % 8 == 6:
                await one.say("pause")
            if number % 8 == 7:
                await link.send(LOUD)
            link.transport.abort()

    async with asyncio.TaskGroup() as group:
        for number in range(64):
            group.create_task(vanish(number))
    await settled(server)
    files, threads, children = belongings(server)
    # Connections of this very question, and of the one before it, may still be open; and the database opens readers
    # when many ask at once, eight at most, of up to three files each. What 64 had left behind would be more.
    assert files <= before[0] + 2 + 24
    # Each reader has a thread, and so has each of a few things that wait for a disk.
    assert threads <= before[1] + 16
    assert children == before[2]
    await talks(server)


async def dialled(server: Server, name: str) -> RawClient:
    shown = f"Authorization: Bearer {server.token}\r\n".encode()
    return await RawClient.dial(server.port, f"/ws/duplex/session-{name}", fields=shown)


async def test_who_never_reads_is_cut_and_let_go(server: Server) -> None:
    readers = [await dialled(server, f"deaf-{number}") for number in range(3)]
    for reader in readers:
        assert "101" in await reader.answer()
        reader.frame(0x81, b'{"type": "prepare", "output": {"rate": 48000}}')
        for _ in range(1500):
            reader.frame(0x81, b'{"type": "pause"}')
            reader.frame(0x81, b'{"type": "resume"}')
            reader.frame(0x81, b'{"type": "text", "text": "hello there"}')
        with suppress(ConnectionError):
            await reader.writer.drain()
    await talks(server)
    for reader in readers:
        await reader.hang_up()
    await settled(server)


async def test_a_server_full_of_rude_clients_ends_in_time(server: Server) -> None:
    deaf = await dialled(server, "deaf")
    await deaf.answer()
    deaf.frame(0x81, b'{"type": "prepare"}')
    deaf.frame(0x81, b'{"type": "text", "text": "hello there"}')
    half = await dialled(server, "half")
    await half.answer()
    half.writer.write(b"\x82\xff" + struct.pack("!Q", 500_000) + bytes(1000))
    nothing = socket.create_connection(("127.0.0.1", server.port))
    async with client(server, "polite") as one:
        await one.say("text", text="hello there")
        await one.until("sound")
        ended = asyncio.get_running_loop().run_in_executor(None, server.end)
        assert (await one.until("error"))["code"] == "restarting"
        assert await one.closed() == 1012
        async with asyncio.timeout(20):
            assert await ended == 0
    nothing.close()
    await deaf.hang_up()
    await half.hang_up()
