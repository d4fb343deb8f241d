"""False interruptions once more, over real sockets in real time: clients count the samples that `vivavoce serve` sends.

The first client says nothing; the others say «mhm» at random moments of the same reply. All must get the same bytes.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.conversation.listener import Ledger
from benchmarks.conversation.result import Check, Options, Result
from benchmarks.conversation.resumption import REPLY
from benchmarks.voice import servers
from vivavoce import aio
from vivavoce.audio.pcm import FRAME_MS
from vivavoce.testing.rehearsal import LOUD, QUIET
from vivavoce.wire import base, duplex

CLIENTS = 8
HOLDS = 3
TOO_LONG_S = 60.0


@dataclass(slots=True)
class Client:
    """A person with a microphone, and a ledger of what came back."""

    murmurs: list[tuple[float, float]]
    """From when to when, in seconds since the first sound of the reply, this one says «mhm»."""
    ledger: Ledger = field(default_factory=Ledger)
    holds: int = 0
    done: bool = False
    _first: float | None = None

    def frame(self) -> bytes:
        """The next 20 ms of the microphone."""
        at = time.monotonic() - self._first if self._first else -1.0
        return LOUD if any(begin <= at < end for begin, end in self.murmurs) else QUIET

    def take(self, data: bytes | str) -> None:
        if isinstance(data, bytes):
            self._first = self._first or time.monotonic()
            sound = base.AudioFrame.parse(data)
            self.ledger.take(sound.reply, sound.offset, sound.audio)
            return
        match duplex.decode_server(data):
            case duplex.Hold():
                self.holds += 1
            case duplex.ReplyDone():
                self.done = True
            case _:
                pass


def measure(options: Options) -> Result:
    """Samples lost and doubled on the way to real clients."""
    chance = random.Random(options.seed)
    clients = [Client([])] + [Client(_murmurs(chance)) for _ in range(options.times(CLIENTS))]
    with tempfile.TemporaryDirectory() as folder:
        port = servers.free_port()
        server = servers.vivavoce(_config(Path(folder) / "vivavoce.yaml"), port)
        with (Path(folder) / "log").open("w") as log, servers.running(server, port, None, log):
            asyncio.run(_talk(clients, f"ws://127.0.0.1:{port}/ws/duplex"))
    holds = sum(client.holds for client in clients)
    lost, doubled = (sum(getattr(client.ledger, what) for client in clients) for what in ("lost", "doubled"))
    other = sum(client.ledger.sound[1] != clients[0].ledger.sound[1] for client in clients)
    return Result(
        [
            Check(f"samples lost over {holds} holds on real sockets", str(lost), "0", lost == 0 and holds > 0),
            Check("samples doubled", str(doubled), "0", doubled == 0),
            Check("clients that got other sound than the first", str(other), "0", other == 0),
        ],
        {"clients": len(clients), "holds": holds, "samples_lost": lost, "samples_doubled": doubled, "other": other},
    )


def _murmurs(chance: random.Random) -> list[tuple[float, float]]:
    moments: list[tuple[float, float]] = []
    at = 0.0
    for _ in range(HOLDS):
        at += chance.uniform(0.6, 2.5)
        moments.append((at, at + chance.uniform(0.16, 0.5)))
        at = moments[-1][1]
    return moments


def _config(path: Path) -> Path:
    path.write_text(
        f"""
vad: {{backend: scripted}}
asr: {{backend: scripted, texts: [mhm]}}
llm: {{backend: scripted, replies: ["{REPLY}"]}}
tts: {{backend: scripted}}
{servers.for_guests(path.parent)}
"""
    )
    return path


async def _talk(clients: list[Client], url: str) -> None:
    async with asyncio.timeout(TOO_LONG_S), asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            aio.spawn(group, _converse(client, f"{url}/sockets-{number}"), f"client {number}")


async def _converse(client: Client, url: str) -> None:
    async with connect(url, proxy=None) as socket, asyncio.TaskGroup() as group:
        await socket.send(base.encode(duplex.Prepare(language="en")).decode())
        reading = aio.spawn(group, _read(client, socket), "reads")
        await socket.send(base.encode(duplex.TypedText("tell me about the sea")).decode())
        due = time.monotonic()
        while not client.done:
            await socket.send(client.frame())
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        reading.cancel()


async def _read(client: Client, socket: ClientConnection) -> None:
    async for data in socket:
        client.take(data)
