"""The writer: what was said is durable at once, whatever the database does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from archive.desk import draft
from vivavoce import aio
from vivavoce.archive import writer as writing
from vivavoce.archive.journal import Journal, TurnDraft
from vivavoce.archive.ledger import Ledger
from vivavoce.archive.rows import Batch
from vivavoce.archive.store import Store
from vivavoce.archive.writer import Writer
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Conflict, StorageError, StorageUnavailable
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real
SOON = 1.0
"""Seconds: 200 ms, on a machine that is busy with other tests; a write that is waited for takes three."""
SPEC = SessionSpec("s", owner="a" * 32)


@dataclass
class Shelf:
    """A store that can be away, hang, and refuse single conversations."""

    batches: list[tuple[Batch, bool]] = field(default_factory=list)
    error: StorageError | None = None
    hangs: asyncio.Event | None = None
    refused: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    async def write(self, batch: Batch, *, doubtful: bool = False, late: bool = False) -> set[str]:
        if self.hangs is not None:
            await self.hangs.wait()
        if self.error is not None:
            raise self.error
        if batch.ids() & self.refused:
            raise Conflict("no such person")
        self.batches.append((batch, late))
        return batch.ids() & self.deleted

    def heard(self) -> list[str]:
        return [turn.heard for batch, _ in self.batches for turn in batch.turns]


class House:
    """A writer with all that it needs."""

    def __init__(self, folder: Path, most: int = 1 << 20) -> None:
        self.journal = Journal()
        self.shelf = Shelf()
        self.ledger = Ledger(folder / "journal", Plain(), most)
        self.written: list[Batch] = []
        self.gone: list[str] = []
        self.lost = 0
        self.writer = Writer(
            self.journal,
            cast(Store, self.shelf),
            self.ledger,
            written=self.written.append,
            gone=self.gone.append,
            lost=self._lost,
        )
        self.conversation = draft(SPEC)

    def _lost(self) -> None:
        self.lost += 1

    def says(self, reply: int, heard: str = "", state: str = "done", id: str | None = None) -> TurnDraft:
        conversation = self.conversation if id is None else draft(SPEC, id)
        turn = TurnDraft(
            conversation=conversation, reply=reply, turn=reply, said="what", typed=False, started_at=0, heard=heard
        )
        turn.state = state
        self.journal.conversation(conversation)
        self.journal.turn(turn)
        return turn

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = aio.spawn(group, self.writer.run(), "writer")
            try:
                yield
            finally:
                await aio.settle(task)

    async def until(self, condition: Any) -> float:
        """How long it took, in seconds."""
        begun = aio.now()
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 — files and threads tell nobody
                await asyncio.sleep(0.005)
        return aio.now() - begun


async def test_what_is_said_is_written_within_200_ms(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        house.says(1, "one")
        assert await house.until(lambda: house.shelf.batches) < SOON
        house.says(2, "two")
        await house.until(lambda: len(house.shelf.batches) == 2)
    assert house.shelf.heard() == ["one", "two"]
    first, second = (batch.conversations[0].new for batch, _ in house.shelf.batches)
    assert (first, second) == (True, False)
    assert not house.ledger.waiting


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_database_that_is_away_or_hangs_costs_no_time(tmp_path: Path, hangs: bool) -> None:
    house = House(tmp_path)
    house.shelf.error = None if hangs else StorageUnavailable()
    house.shelf.hangs = asyncio.Event() if hangs else None
    async with house.running():
        house.says(1, "one")
        assert await house.until(lambda: house.ledger.waiting) < SOON
        assert house.writer.away
        assert house.writer.promising
    assert [turn.heard for batch in await house.ledger.batches() for turn in batch.turns] == ["one"]


async def test_when_it_is_back_everything_is_written_once_in_order(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.error = StorageUnavailable()
    async with house.running():
        for reply in range(1, 6):
            house.says(reply, str(reply))
            await house.until(lambda before=house.ledger.size: house.ledger.size > before)
        house.shelf.error = None
        await house.until(lambda: not house.writer.away)
        house.says(6, "6")
        await house.until(lambda: len(house.shelf.heard()) == 6)
    assert house.shelf.heard() == ["1", "2", "3", "4", "5", "6"]
    assert [late for _, late in house.shelf.batches] == [True, False]


async def test_a_write_that_was_only_slow_is_not_left_in_the_file(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.hangs = asyncio.Event()
    async with house.running():
        house.says(1, "one")
        await house.until(lambda: house.ledger.waiting)
        house.shelf.hangs.set()
        await house.until(lambda: not house.writer.away)
        house.says(2, "two")
        await house.until(lambda: "two" in house.shelf.heard())
    assert house.shelf.batches[-1][1] is False


async def test_the_next_process_writes_what_this_one_could_not(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.error = StorageUnavailable()
    async with house.running():
        house.says(1, "one")
        await house.until(lambda: house.ledger.waiting)
    after = House(tmp_path)
    await after.writer.recover()
    assert after.shelf.heard() == ["one"]
    assert not after.writer.away


async def test_what_is_left_at_the_end_is_written(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        pass
    house.says(1, "one")
    await house.writer.close()
    assert house.shelf.heard() == ["one"]
    house.shelf.error = StorageUnavailable()
    house.says(2, "two")
    await house.writer.close()
    assert [turn.heard for batch in await house.ledger.batches() for turn in batch.turns] == ["two"]


async def test_a_writer_that_is_stopped_in_a_write_loses_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.hangs = asyncio.Event()
    async with house.running():
        house.says(1, "one")
        await asyncio.sleep(writing.GATHER_S + 0.02)
    house.shelf.hangs = None
    await house.writer.close()
    assert "one" in house.shelf.heard()


async def test_when_nothing_can_be_promised_it_says_so_and_still_writes_what_it_has(tmp_path: Path) -> None:
    house = House(tmp_path, most=2000)
    house.shelf.error = StorageUnavailable()
    async with house.running():
        for reply in range(1, 6):
            house.says(reply, str(reply))
            await asyncio.sleep(0.08)
        await house.until(lambda: house.lost)
        assert not house.writer.promising
        house.shelf.error = None
        await house.until(lambda: house.writer.promising and not house.writer.away)
    assert house.shelf.heard() == ["1", "2", "3", "4", "5"]


async def test_one_conversation_that_cannot_be_written_does_not_hold_up_the_others(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.refused = {"bad"}
    async with house.running():
        house.says(1, "one", id="bad")
        house.says(1, "two", id="good")
        await house.until(lambda: house.written)
    assert house.shelf.heard() == ["two"]
    assert house.gone == ["bad"]
    assert not house.writer.away


async def test_a_deleted_conversation_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.deleted = {house.conversation.id}
    async with house.running():
        house.says(1, "one")
        await house.until(lambda: house.gone)
    assert house.gone == [house.conversation.id]


async def test_progress_is_written_within_two_seconds_and_not_into_the_file(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.running():
        turn = house.says(1, "", "open")
        await house.until(lambda: house.shelf.batches)
        turn.heard = "one"
        house.journal.progress(turn)
        assert await house.until(lambda: house.shelf.heard() == ["", "one"]) < 2.2
        house.shelf.error = StorageUnavailable()
        house.says(2, "two")
        await house.until(lambda: house.ledger.waiting)
        before = house.ledger.size
        house.journal.progress(turn)
        await asyncio.sleep(1.2)
        assert house.ledger.size == before
