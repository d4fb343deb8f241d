"""Processes are killed and stores stand still while people talk: what was told as done is there afterwards."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from journeys.caller import Caller
from journeys.server import Server, serving
from journeys.test_browser import eventually
from vivavoce import aio
from vivavoce.client import VivavoceClient
from vivavoce.testing import services

pytestmark = pytest.mark.journey

TALKING = [
    *(word for part in ("vad", "asr", "llm", "tts") for word in ("-s", f"{part}.backend=scripted")),
    *("-s", "tts.clause_ms=300", "-s", "rates.conversation=1000", "-s", "rates.conversations_at_once=100"),
]
KILLS = 6
PEOPLE = 4


async def chats(server: Server, name: str, done: set[str]) -> None:
    """One turn after the other until the line is cut; notes what was told as done."""
    caller = Caller(name)
    with suppress(ConnectionClosed, AssertionError, ExceptionGroup):
        async with caller.line(server):
            await caller.prepare()
            for turn in range(1_000):
                said = f"turn {turn} of {name}"
                await caller.send("text", text=said)
                await caller.message("reply_done", turn)
                done.add(said)


@asynccontextmanager
async def chatting(server: Server, prefix: str, done: set[str]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        people = [aio.spawn(group, chats(server, f"{prefix}-{n}", done), "person") for n in range(PEOPLE)]
        yield
        for person in people:
            person.cancel()


async def in_history(server: Server) -> list[str]:
    """What was said in turns that are over."""
    said: list[str] = []
    async with VivavoceClient(server.url, token=server.token) as client:
        async for conversation in client.conversations.list():
            said += [turn.said or "" async for turn in client.conversations.turns(conversation.id)]
    return said


async def test_killed_at_any_moment_no_turn_that_was_done_is_lost(tmp_path: Path) -> None:
    done: set[str] = set()
    moments = random.Random(3)
    for kill in range(KILLS):
        with serving(tmp_path, *TALKING) as server:
            assert server.token
            if not kill:
                async with VivavoceClient(server.url, token=server.token) as client:
                    me = (await client.me.get()).user
                    assert me is not None
                    await client.me.change(me.version, recording=True)
            async with chatting(server, f"life-{kill}", done):
                await asyncio.sleep(moments.uniform(0.8, 2.5))  # the moment is the test
                server.end(signal.SIGKILL)
    assert len(done) >= KILLS
    with serving(tmp_path, *TALKING) as server:
        said = await in_history(server)
        assert done <= set(said)
        assert len(said) == len(set(said)), "a turn is there twice"
        spool = tmp_path / "data" / "spool"
        async with asyncio.timeout(40):
            while list(spool.glob("*")):  # noqa: ASYNC110 — another process
                await asyncio.sleep(0.2)
        assert await asyncio.to_thread(server.end) == 0
    with sqlite3.connect(tmp_path / "data" / "vivavoce.db") as database:
        assert database.execute("SELECT count(*) FROM turns WHERE state = 'open'").fetchone() == (0,)
        named = {key for (key,) in database.execute("SELECT blob FROM recordings WHERE state = 'ready'")}
        due = {key for (key,) in database.execute("SELECT key FROM blobs")}
    blobs = tmp_path / "data" / "blobs"
    there = {
        str(each.relative_to(blobs)) for each in blobs.rglob("*") if each.is_file() and ".uploads" not in each.parts
    }
    assert named
    assert named <= there <= due, "no blob that the sweeper does not know"


@pytest.mark.postgresql
@pytest.mark.redis
async def test_database_and_redis_stand_still_and_talking_goes_on(
    tmp_path: Path, postgres_url: str, postgres_server: services.Service, redis_server: services.Service
) -> None:
    stores = ("-s", f"data.database={postgres_url}", "-s", f"data.redis={redis_server.url}")
    done: set[str] = set()
    with serving(tmp_path, *TALKING, *stores) as server:
        async with chatting(server, "still", done), httpx.AsyncClient(headers=server.bearer, timeout=10) as plain:
            await eventually(lambda: bool(done))  # they talk
            postgres_server.freeze()
            redis_server.freeze()
            try:
                before, began = set(done), aio.now()
                answer = await plain.get(f"{server.url}/api/conversations")
                assert answer.status_code == 503, answer.text
                assert answer.json()["code"] == "storage_unavailable"
                assert aio.now() - began < 8  # 3 s, and what a busy machine adds
                assert (await plain.get(f"{server.url}/health")).status_code == 200
                await eventually(lambda: bool(done - before))  # they go on talking
            finally:
                postgres_server.thaw()
                redis_server.thaw()
            async with asyncio.timeout(6):
                while (await plain.get(f"{server.url}/api/conversations")).status_code != 200:  # noqa: ASYNC110 — the same
                    await asyncio.sleep(0.2)
        async with asyncio.timeout(20):
            while not done <= set(await in_history(server)):  # noqa: ASYNC110 — the same
                await asyncio.sleep(0.5)
