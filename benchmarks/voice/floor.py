"""The floor: no product, a bare loop that does the same work with nothing around it.

One process, picows, Silero in batches, the scripted models as timers, no turn machine, no history, no limits.
What it costs is what nobody can go below here; what a product costs more is the price of being one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from typing import Any

import numpy as np
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from benchmarks.voice.workload import FRAMES, LLM_FIRST, LLM_STEP, STT_DELAY, TTS_FIRST, WORDS
from vivavoce.inference.backends.silero import SileroVad

WINDOW = 1024
GATE = 60
LEAD_S = 0.1
PERIOD_S = 0.016


class Session(WSListener):  # type: ignore[misc]  # a Cython class
    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.sound = bytearray()
        self.state = floor.vad.start()
        self.speaking = False
        self.quiet = self.loud = 0
        self.reply: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.floor.sessions.add(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.floor.sessions.discard(self)
        self.stop()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY:
            self.sound += frame.get_payload_as_memoryview()
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def stop(self) -> None:
        if self.reply is not None:
            self.reply.cancel()
            self.reply = None

    def score(self, probability: float) -> None:
        if probability > 0.5:
            self.quiet = 0
            self.loud += 1
            if not self.speaking and self.loud >= 3:
                self.speaking = True
                self.stop()
            return
        self.loud = 0
        if self.speaking:
            self.quiet += 1
            if self.quiet * 32 >= 300:
                self.speaking = False
                self.quiet = 0
                self.reply = self.floor.spawn(self.answer())

    async def answer(self) -> None:
        await asyncio.sleep(STT_DELAY + LLM_FIRST)
        sentences: asyncio.Queue[int] = asyncio.Queue(2)
        thinking = self.floor.spawn(self.think(sentences))
        loop = asyncio.get_running_loop()
        due = 0.0
        try:
            for _ in range(2):
                await sentences.get()
                await asyncio.sleep(TTS_FIRST)
                for frame in FRAMES:
                    self.transport.send(WSMsgType.BINARY, frame)
                    due = (due or loop.time()) + 0.02
                    ahead = due - loop.time()
                    if ahead > LEAD_S:
                        await asyncio.sleep(ahead - LEAD_S)
        finally:
            thinking.cancel()

    async def think(self, sentences: asyncio.Queue[int]) -> None:
        for index, word in enumerate(WORDS):
            if index:
                await asyncio.sleep(LLM_STEP)
            if word.endswith("."):
                sentences.put_nowait(index)


class Floor:
    def __init__(self) -> None:
        self.vad = SileroVad()
        self.sessions: set[Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def listen(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            waiting = []
            for session in tuple(self.sessions):
                if len(session.sound) < WINDOW:
                    continue
                window = np.frombuffer(bytes(session.sound[:WINDOW]), np.int16)
                del session.sound[:WINDOW]
                if not session.speaking and np.abs(window).max() < GATE:
                    session.score(0.0)
                else:
                    waiting.append((session, window))
            size = self.vad.capabilities.batch
            for start in range(0, len(waiting), size):
                batch = waiting[start : start + size]
                scores = self.vad.score(np.stack([w for _, w in batch]), [s.state for s, _ in batch])
                for (session, _), score in zip(batch, scores, strict=True):
                    session.score(float(score))


async def main() -> None:
    floor = Floor()
    await ws_create_server(lambda _: Session(floor), "127.0.0.1", int(os.environ["PORT"]), backlog=2048)
    gc.freeze()
    print("ready", file=sys.stderr)
    await floor.listen()


if __name__ == "__main__":
    uvloop.run(main())
