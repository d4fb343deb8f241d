"""Sound on its way to the spool: sealed, in order, bounded, and only of conversations that there are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from archive.desk import NOON, draft
from archive.test_ledger import Masked
from vivavoce.archive import spooling
from vivavoce.archive.journal import RecordingDraft
from vivavoce.archive.spool import Spool
from vivavoce.archive.spooling import Spooling
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import StorageUnavailable
from vivavoce.storage.ids import new_id
from vivavoce.storage.sealing import Plain, Sealer

pytestmark = pytest.mark.real


class Keyless(Masked):
    """The key cannot be had, until it can."""

    away = True

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        if self.away:
            raise StorageUnavailable("no key")
        return await super().seal(plain, scope, place)


class House:
    def __init__(self, folder: Path, sealer: Sealer | None = None) -> None:
        self.free = 1 << 40
        self.spool = Spool(folder, 1 << 20, lambda: self.free)
        self.settled: list[float] = []
        self.complete: list[str] = []
        self.room: list[str] = []
        self.spooling = Spooling(
            self.spool,
            sealer or Plain(),
            settle=lambda: [self.settled.append] * 40,
            complete=lambda draft: self.complete.append(draft.id),
            room=self.room.append,
        )

    def recording(self, turns: int = 1) -> RecordingDraft:
        conversation = draft(SessionSpec("s", owner="a" * 32))
        conversation.turns = turns
        return RecordingDraft(
            id=new_id(), conversation=conversation, gateway="g", start=7, created_at=NOON, expires_at=NOON
        )


async def test_what_recorders_give_is_written_each_round(tmp_path: Path) -> None:
    house = House(tmp_path)
    one, two = house.recording(), house.recording()
    for chunk in (b"1", b"2"):
        house.spooling.sound(one, chunk, last=False)
    house.spooling.sound(two, b"x", last=False)
    await house.spooling.round()
    house.spooling.sound(one, b"3", last=True)
    await house.spooling.round()
    assert list(house.spool.chunks(one.id)) == [b"12", b"3"]
    header = house.spool.header(one.id)
    assert header is not None
    assert (header.conversation, header.owner, header.start) == (one.conversation.id, "a" * 32, 7)
    assert house.complete == [one.id]
    assert house.spooling.active == {two.id}
    assert len(house.settled) == 80


async def test_of_a_conversation_without_a_word_nothing_stays(tmp_path: Path) -> None:
    house = House(tmp_path)
    silent, gone = house.recording(turns=0), house.recording()
    gone.conversation.gone = True
    for recording in (silent, gone):
        house.spooling.sound(recording, b"1", last=True)
    await house.spooling.round()
    assert house.spool.recordings() == []
    assert house.complete == []


async def test_room_is_looked_at(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.spooling.round()
    assert house.room == [""]
    house.free = 1 << 30
    await house.spooling.round()
    assert house.room == [""], "not more often than each five seconds"


async def test_a_disk_that_takes_nothing_is_no_room(tmp_path: Path) -> None:
    house = House(tmp_path / "spool")
    tmp_path.joinpath("spool").rmdir()
    house.spooling.sound(house.recording(), b"1", last=False)
    await house.spooling.round()
    assert house.room == ["disk_full"]


async def test_without_a_key_it_waits_and_then_gives_up(tmp_path: Path) -> None:
    sealer = Keyless()
    house = House(tmp_path, sealer)
    one = house.recording()
    house.spooling.sound(one, b"1", last=False)
    await house.spooling.round()
    house.spooling.sound(one, b"2", last=False)
    sealer.away = False
    await house.spooling.round()
    (chunk,) = house.spool.chunks(one.id)
    assert await sealer.unseal(chunk, "", "") == b"12"
    header = house.spool.header(one.id)
    assert header is not None
    assert header.sealed
    sealer.away = True
    house.spooling.sound(one, bytes(spooling.WAITING + 1), last=False)
    await house.spooling.round()
    assert house.room[-1] == "storage_unavailable"


class Slow(Masked):
    """A key takes until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        self.asked.set()
        await self.go.wait()
        return await super().seal(plain, scope, place)


async def test_stopped_in_the_middle_of_a_round_it_is_written_to_its_end(tmp_path: Path) -> None:
    sealer = Slow()
    house = House(tmp_path, sealer)
    one = house.recording()
    house.spooling.sound(one, b"1", last=True)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.spooling.run())
        await sealer.asked.wait()
        task.cancel()
        await asyncio.sleep(0)
        sealer.go.set()
    (chunk,) = house.spool.chunks(one.id)
    assert await sealer.unseal(chunk, "", "") == b"1"
    assert house.complete == [one.id]


async def test_rounds_go_on(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.spooling.run())
        await asyncio.sleep(spooling.ROUND_S + 0.2)
        task.cancel()
    assert house.settled
