"""Rows that wait for the database: in a file, in order, whole, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.test_store import conversation, turn
from vivavoce.archive.ledger import Ledger
from vivavoce.archive.rows import Batch
from vivavoce.errors import StorageError, StorageFull
from vivavoce.storage.sealing import Plain

pytestmark = pytest.mark.real


class Masked(Plain):
    """Seals by turning bits over."""

    @property
    def sealing(self) -> bool:
        return True

    async def seal(self, plain: bytes, scope: str, place: str) -> bytes:
        return bytes(byte ^ 0xFF for byte in plain)

    async def unseal(self, stored: bytes, scope: str, place: str) -> bytes:
        return bytes(byte ^ 0xFF for byte in stored)


BATCHES = [Batch([conversation("a", str(n))], [turn("a", str(n))]) for n in range(3)]


async def test_another_process_finds_everything_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal", Plain())
    assert not ledger.waiting
    for batch in BATCHES:
        await ledger.add(batch)
    after = Ledger(tmp_path / "journal", Plain())
    assert after.waiting
    assert await after.batches() == BATCHES
    await after.clear()
    assert not after.waiting
    assert await after.batches() == []
    assert not (tmp_path / "journal").exists()


async def test_a_torn_end_costs_only_itself(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal", Plain())
    for batch in BATCHES:
        await ledger.add(batch)
    whole = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(whole[:-1])
    assert await Ledger(tmp_path / "journal", Plain()).batches() == BATCHES[:2]


async def test_it_has_a_bound(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal", Plain(), most=1000)
    await ledger.add(BATCHES[0])
    with pytest.raises(StorageFull):
        await ledger.add(Batch([conversation("a", str(n)) for n in range(10)]))
    assert ledger.size <= 1000
    assert await ledger.batches() == BATCHES[:1]


async def test_a_folder_that_cannot_be_written_is_full(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        await Ledger(tmp_path / "no" / "journal", Plain()).add(BATCHES[0])


async def test_words_are_sealed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal", Masked())
    await ledger.prepare()
    await ledger.add(BATCHES[0])
    assert b"what is this" not in (tmp_path / "journal").read_bytes()
    assert await ledger.batches() == BATCHES[:1]
    with pytest.raises(StorageError):
        await Ledger(tmp_path / "journal", Plain()).batches()
