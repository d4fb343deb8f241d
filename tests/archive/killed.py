"""A gateway without sockets that is killed: it talks, records, and says what must outlive it.

    python killed.py DATABASE_URL FOLDER OWNER…     stdin: a line for each life   stdout: its pid, then what was said

Each life is a fork, so that it begins in milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vivavoce.archive.search_index import SearchIndex
from vivavoce.archive.writing import Options, Parts, Writing, open_writing
from vivavoce.conversation.outputs import ReplyAudio, ReplyDone, ReplyStarted, ReplyText
from vivavoce.conversation.snapshot import Snapshot, digest
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.blobs import BlobIndex, remote
from vivavoce.storage.bus.memory import MemoryBus
from vivavoce.storage.database import Database
from vivavoce.storage.ids import new_id
from vivavoce.storage.sealing import Plain

REPLY = "one two three four five six seven eight nine ten"
FRAME = b"\1\0" * 320
PROMISED_S = 0.8
"""200 ms where the machine is not busy with other tests."""
GATEWAY = "gateway"


def options(folder: Path) -> Options:
    return Options(folder=folder, gateway=GATEWAY, free=lambda: 1 << 40)


def parts(database: Database) -> Parts:
    index = SearchIndex(database.dialect, words=True)
    return Parts(database, BlobIndex(database, remote.memory()), MemoryBus(), Plain(), index)


async def talk(archive: Writing, owner: str) -> None:
    """Turn after turn, as quickly as they can be told apart."""
    spec = SessionSpec(new_id(), output_rate=16_000, owner=owner)
    observer = archive.observe(spec, None, lambda output: None)
    archive.resumes.keep(Snapshot(spec, observer.conversation, digest("token")))
    loop = asyncio.get_running_loop()
    for reply in range(1, 1000):
        said = f"question {reply}"
        observer.output(ReplyStarted(reply, reply, said))
        loop.call_later(PROMISED_S, say, "said", observer.conversation, reply)
        for word in range(5):
            observer.heard(FRAME)
            observer.output(ReplyText(reply, REPLY[word * 10 : word * 10 + 10], word * 320))
            observer.output(ReplyAudio(reply, word * 320, FRAME))
            observer.progress(reply, word * 20, REPLY[: word * 10])
            await asyncio.sleep(0.02)
        heard = REPLY if reply % 2 else REPLY[:20]
        observer.output(ReplyDone(reply, "completed" if reply % 2 else "interrupted", 100, heard))
        loop.call_later(PROMISED_S, say, "done", observer.conversation, reply)


def say(*what: object) -> None:
    """One line at once, whole or not at all."""
    os.write(1, " ".join(map(str, what)).encode() + b"\n")


async def live(url: str, folder: Path, owners: Sequence[str]) -> None:
    async with Database.open(url) as database, open_writing(parts(database), options(folder)) as archive:
        say("up")
        async with asyncio.TaskGroup() as group:
            for number in range(5):  # of the first one only one conversation: to encode them all takes long
                group.create_task(talk(archive, owners[min(number, 1)]))


def main(url: str, folder: Path, owners: Sequence[str]) -> None:
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(live(url, folder, owners))
            os._exit(0)
        say("pid", pid)
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
