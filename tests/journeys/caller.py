"""A person at a socket, by a WebSocket library that is not ours: talks and plays in real time, and notes everything."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from journeys.server import Server
from vivavoce import aio
from vivavoce.app.unwrap import unwrapped
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES, Pcm

WITHIN_S = 60.0
"""Deadline of everything that is waited for: this machine may be busy with other things."""
RATE = 24_000
"""Hz of the replies' sound."""
FRAME_S = 0.02
FRAME = int(FRAME_S * INPUT_RATE) * SAMPLE_BYTES
FRAMES_PER_REPORT = 10

T = TypeVar("T")


class Caller:
    """Outlives its lines: after a cut, the next `line` goes on with the session where it was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[dict[str, Any]] = []
        """Every text message, of all lines."""
        self.played_ms = 0.0
        """How much of the newest reply has been played."""
        self._sound: dict[int, bytearray] = {}
        self._saying = bytearray()
        self._reply = 0
        self._flushed = 0
        self._news = asyncio.Event()
        self._link: ClientConnection | None = None

    # ── what a person does ────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def line(
        self, server: Server, kind: str = "duplex", port: int | None = None, trust: ssl.SSLContext | None = None
    ) -> AsyncIterator[None]:
        """An open line, at `port` where something stands before the server, encrypted for whom `trust` is given; at
        its end the person hangs up.
        """
        address = f"{'wss' if trust else 'ws'}://127.0.0.1:{port or server.port}/ws/{kind}/caller-{self.name}"
        with unwrapped():
            async with (
                connect(address, max_size=None, additional_headers=server.bearer, ssl=trust) as self._link,
                asyncio.TaskGroup() as group,
            ):
                talking = aio.spawn(group, self._talk(), "talk")
                listening = aio.spawn(group, self._listen(), "listen")
                yield
                talking.cancel()
                listening.cancel()

    async def send(self, kind: str, **fields: object) -> None:
        assert self._link is not None, "no line"
        await self._link.send(json.dumps({"type": kind, **fields}))

    async def prepare(self, **fields: object) -> None:
        """Begin the session, or go on with it."""
        output = {"codec": "pcm16", "rate": RATE}
        token = [message["resume"] for message in self.all("prepared")][-1:]
        before = len(self.all("prepared"))
        await self.send("prepare", output=output, **({"resume": token[0]} if token else {}), **fields)
        await self.until(lambda: len(self.all("prepared")) > before)

    async def say(self, pcm: bytes) -> None:
        """Returns when it has been said."""
        self._saying += pcm
        await self.until(lambda: not self._saying)

    # ── what a person notices ─────────────────────────────────────────────────────────────────────

    async def until(self, check: Callable[[], T]) -> T:
        """What `check` gives, once that is something."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not (value := check()):
                    self._news.clear()
                    await self._news.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"waited in vain; was told {self.told}") from None

    async def message(self, kind: str, number: int = 0) -> dict[str, Any]:
        """The message of that kind with that number, from 0."""
        return (await self.until(lambda: self.all(kind)[number : number + 1]))[0]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    async def understood(self, number: int = 0) -> str:
        """The words of the utterance with that number as the server understood them in the end."""
        final = await self.until(
            lambda: [each for each in self.all("transcript") if each["final"]][number : number + 1]
        )
        return str(final[0]["text"])

    def text(self, reply: int) -> str:
        """The words of a reply, on either kind of line."""
        pieces = [each for each in self.told if each.get("reply") == reply and each["type"] in ("text", "chunk")]
        return "".join(each.get("delta") or each.get("text_delta") or "" for each in pieces)

    def sound(self, reply: int) -> Pcm:
        return Pcm(bytes(self._sound[reply]), RATE)

    @property
    def closed(self) -> tuple[int | None, str]:
        """Close code and reason of the line."""
        assert self._link is not None
        return self._link.close_code, self._link.close_reason or ""

    # ── the line ──────────────────────────────────────────────────────────────────────────────────

    async def _talk(self) -> None:
        """Each 20 ms a frame is said, silence when there is nothing to say, and a frame of the reply is played."""
        assert self._link is not None
        begin = aio.now()
        frames = 0
        try:
            while True:
                frame = bytes(self._saying[:FRAME]).ljust(FRAME, b"\0")
                del self._saying[:FRAME]
                await self._link.send(frame)
                self._play()
                frames += 1
                if self._reply > self._flushed and frames % FRAMES_PER_REPORT == 0:
                    await self.send("played", reply=self._reply, ms=self.played_ms)
                self._news.set()
                await asyncio.sleep(begin + frames * FRAME_S - aio.now())
        except ConnectionClosed:
            return

    def _play(self) -> None:
        if self._reply > self._flushed:
            arrived = len(self._sound[self._reply]) / SAMPLE_BYTES / RATE * 1000
            self.played_ms = min(arrived, self.played_ms + FRAME_S * 1000)

    async def _listen(self) -> None:
        assert self._link is not None
        try:
            async for message in self._link:
                if isinstance(message, str):
                    self._note(json.loads(message))
                else:
                    self._hear(message)
                self._news.set()
        except ConnectionClosed:
            pass
        self._news.set()

    def _note(self, message: dict[str, Any]) -> None:
        self.told.append(message)
        if message["type"] == "flush":
            self._flushed = message["reply"]

    def _hear(self, message: bytes) -> None:
        """Sound at its place. After a cut some of it comes again, and none may be missing."""
        reply, offset = int.from_bytes(message[:4], "big"), int.from_bytes(message[4:8], "big") * SAMPLE_BYTES
        assert reply > self._flushed, f"reply {reply} goes on after its flush"
        if reply > self._reply:
            self._reply, self.played_ms = reply, 0.0
        sound = self._sound.setdefault(reply, bytearray())
        pcm, have = message[8:], len(sound)
        assert offset <= have, f"reply {reply}: nothing for {have}…{offset}"
        again = sound[offset : offset + len(pcm)]
        assert again == pcm[: len(again)], f"reply {reply} sounds otherwise when it is repeated"
        sound += pcm[have - offset :]
