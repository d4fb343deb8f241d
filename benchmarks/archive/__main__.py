"""What the archive adds to each frame and each turn, how soon words are durable, and how fast sound is encoded.

    script/bench archive [--people 300] [--seconds 20]

`people` talk at once in this process, recorded, into SQLite on this disk: frames and replies are made up, so what is
measured is the archive alone. The share of a core is what it takes away from the conversations.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from vivavoce.archive import encoder
from vivavoce.archive.clock import RATE
from vivavoce.archive.journal import ConversationDraft
from vivavoce.archive.records import LEFT, RIGHT, sound
from vivavoce.archive.rows import Batch
from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.writing import Options, Parts, Writing, open_writing
from vivavoce.conversation.observer import Observer, Unobserved
from vivavoce.conversation.outputs import ReplyAudio, ReplyDone, ReplyStarted, ReplyText, Stage, TurnMetrics
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.blobs import BlobIndex, open_blobs
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.clock import wall
from vivavoce.storage.database import Database
from vivavoce.storage.database_check import prepare
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import User
from vivavoce.storage.sealing import Plain

FRAME = bytes(640)
PIECE = bytes(960)
WORDS = "All right then, here is what you have asked me for, and a little more of it."
TURN_S = 6.0
"""A turn of the voice workload: two seconds are said, three are heard."""
STAGES = tuple(Stage(name, 0, 100) for name in ("endpoint", "asr", "llm", "tts", "send"))  # type: ignore[arg-type]


def per_frame(observer: Observer) -> tuple[float, float]:
    """Nanoseconds for a frame of the user and a piece of the reply."""
    count = 20_000
    begun = time.perf_counter()
    for _ in range(count):
        observer.heard(FRAME)
    heard = time.perf_counter() - begun
    observer.output(ReplyStarted(1, 1, "what is this"))
    pieces = [ReplyAudio(1, offset * 480, PIECE) for offset in range(count)]
    begun = time.perf_counter()
    for piece in pieces:
        observer.output(piece)
    return heard / count * 1e9, (time.perf_counter() - begun) / count * 1e9


async def person(observer: Observer, start_s: float, until: float) -> None:
    """Turns as the voice workload has them."""
    await asyncio.sleep(start_s)
    reply = 0
    while asyncio.get_running_loop().time() < until:
        reply += 1
        await frames(observer, 2.5)
        observer.output(ReplyStarted(reply, reply, "what is this all about then"))
        observer.output(TurnMetrics(reply, 520, 0, STAGES))
        for place, word in enumerate(WORDS.split()):
            observer.output(ReplyText(reply, word + " ", place * 4000))
        for second in range(3):
            await frames(observer, 1.0, reply, second * 50)
            observer.progress(reply, second * 1000, WORDS[: 20 * second])
        observer.output(ReplyDone(reply, "completed", 3000, WORDS))
        await frames(observer, TURN_S - 5.5)


async def frames(observer: Observer, seconds: float, reply: int = 0, first: int = 0) -> None:
    """Frames come, and pieces of the reply leave, five at a time: the timers are not what is measured."""
    for group in range(round(seconds * 10)):
        for place in range(5):
            observer.heard(FRAME)
            if reply:
                observer.output(ReplyAudio(reply, (first + group * 5 + place) * 480, PIECE))
        await asyncio.sleep(0.1)


def times(archive: Writing) -> list[float]:
    """Milliseconds from a turn's commit until it is durable, in the database or in the ledger, as they come."""
    found: list[float] = []
    seen: set[tuple[str, int]] = set()
    write = archive.writer._write

    async def timed(batch: Batch, drafts: list[ConversationDraft], group: asyncio.TaskGroup) -> None:
        await write(batch, drafts, group)
        now = wall()
        for row in batch.turns:
            turn = row.conversation_id, row.reply
            if turn not in seen:
                seen.add(turn)
                found.append(now - row.started_at)

    archive.writer._write = timed  # type: ignore[method-assign]
    return found


def encoding(seconds: int) -> float:
    """How many times faster than it was spoken."""
    chunks = []
    noise = os.urandom(2 * RATE)
    for second in range(seconds):
        both = sound(LEFT, second * RATE, RATE, noise), sound(RIGHT, second * RATE, 24_000, bytes(48_000))
        chunks.append(b"".join(map(bytes, both)))
    framed = b"".join(encoder.HEAD.pack(encoder.CHUNK, len(chunk)) + chunk for chunk in chunks)
    begun = time.process_time()
    encoder.main(io.BytesIO(framed + encoder.HEAD.pack(encoder.END, 0)), io.BytesIO(), 0)
    return seconds / (time.process_time() - begun)


async def measure(people: int, seconds: float, *, record: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Database.open(f"sqlite:///{folder / 'bench.db'}") as database:
            await prepare(database)
            owner = new_id()
            async with database.writing() as session:
                session.add(
                    User(id=owner, name="ann", role="user", created_at=wall(), updated_at=wall(), recording=record)
                )
            async with open_blobs(folder / "blobs") as blobs:
                index = SearchIndex(database.dialect, words=True)
                parts = Parts(database, BlobIndex(database, blobs), MemoryBus(), Plain(), index)
                options = Options(folder=folder / "spool", gateway="bench", free=lambda: 1 << 40)
                async with open_writing(parts, options) as archive:
                    await talk(archive, owner, people, seconds, record=record)


async def talk(archive: Writing, owner: str, people: int, seconds: float, *, record: bool) -> None:
    specs = [SessionSpec(str(number), output_rate=24_000, owner=owner) for number in range(people)]
    observers = [archive.observe(spec, None, lambda _: None) for spec in specs]
    await asyncio.sleep(0.5)
    if record:
        heard, piece = per_frame(archive.observe(specs[0], None, lambda _: None))
        print(f"one frame heard {heard:.0f} ns, one piece of a reply {piece:.0f} ns")
    durable = times(archive)
    alone = await _shares([Unobserved() for _ in specs], min(seconds, 10))
    loop, process = await _shares(observers, seconds)
    durable.sort()
    print(
        f"{people} people, {'recorded' if record else 'not recorded'}: {100 * (loop - alone[0]):.1f} % of a core in "
        f"the loop's thread, {100 * (process - alone[1]):.1f} % in the process (the workload itself is taken off); "
        f"words durable p50 {statistics.median(durable):.0f} ms, "
        f"p95 {durable[len(durable) * 95 // 100]:.0f} ms; spool {archive.spool.used >> 20} MiB"
    )


async def _shares(observers: Sequence[Observer], seconds: float) -> tuple[float, float]:
    """Of a core: the loop's thread, the process."""
    until = asyncio.get_running_loop().time() + seconds
    before, begun = _cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, observer in enumerate(observers):
            group.create_task(person(observer, TURN_S * number / len(observers), until))
    lasted, (loop, process) = time.perf_counter() - begun, _since(before)
    return loop / lasted, process / lasted


def _cpu() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.thread_time(), usage.ru_utime + usage.ru_stime


def _since(before: tuple[float, float]) -> tuple[float, float]:
    now = _cpu()
    return now[0] - before[0], now[1] - before[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench archive", description=__doc__)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20)
    wishes = parser.parse_args()
    for record in (False, True):
        uvloop.run(measure(wishes.people, wishes.seconds, record=record))
    print(f"encoding: {encoding(60):.0f} times as fast as it was spoken, on one core")


if __name__ == "__main__":
    sys.exit(main())
