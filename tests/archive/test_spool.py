"""The spool: whole chunks, whatever tears; room, and no more than that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.archive import frames
from vivavoce.archive.records import CUT, END, LEFT, RIGHT, cut, end, parse, sound
from vivavoce.archive.spool import Header, Spool
from vivavoce.errors import StorageError, StorageFull

RECORDING = "7" * 32
HEADER = Header(RECORDING, "c" * 32, "a" * 32, "g", 16_000, 5, sealed=False)


def spool(folder: Path, most: int = 1 << 20, free: int = 1 << 40) -> Spool:
    return Spool(folder, most, lambda: free)


def test_chunks_come_back_in_order(tmp_path: Path) -> None:
    here = spool(tmp_path)
    here.begin(HEADER)
    here.append(RECORDING, [b"one", b"two"])
    here.append(RECORDING, [b"three"])
    again = spool(tmp_path)
    assert again.recordings() == [RECORDING]
    assert again.header(RECORDING) == HEADER
    assert list(again.chunks(RECORDING)) == [b"one", b"two", b"three"]
    assert again.used == here.used == (tmp_path / f"{RECORDING}.sound").stat().st_size
    assert oct((tmp_path / f"{RECORDING}.sound").stat().st_mode)[-3:] == "600"
    again.drop(RECORDING)
    again.drop(RECORDING)
    assert (again.recordings(), again.used, again.header(RECORDING)) == ([], 0, None)
    with pytest.raises(StorageError):
        list(again.chunks(RECORDING))


@given(st.integers(0, 200))
def test_a_torn_file_gives_what_is_whole(tmp_path_factory: pytest.TempPathFactory, torn: int) -> None:
    folder = tmp_path_factory.mktemp("spool")
    here = spool(folder)
    here.begin(HEADER)
    here.append(RECORDING, [b"a" * 50, b"b" * 50, b"c" * 50])
    path = folder / f"{RECORDING}.sound"
    path.write_bytes(path.read_bytes()[: -torn or None])
    whole = list(spool(folder).chunks(RECORDING))
    assert whole == [b"a" * 50, b"b" * 50, b"c" * 50][: len(whole)]
    assert len(whole) == 3 - -(-torn // 58) if torn <= 174 else whole == []


def test_a_changed_byte_ends_it(tmp_path: Path) -> None:
    here = spool(tmp_path)
    here.begin(HEADER)
    here.append(RECORDING, [b"one", b"two"])
    path = tmp_path / f"{RECORDING}.sound"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert list(here.chunks(RECORDING)) == [b"one"]


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.sound").write_bytes(b"")
    (tmp_path / f"{RECORDING}.sound.bak").write_bytes(b"")
    assert spool(tmp_path).recordings() == []


def test_room(tmp_path: Path) -> None:
    assert spool(tmp_path).full() == ""
    assert spool(tmp_path, free=1 << 30).full() == "disk_full"
    here = spool(tmp_path, most=1000)
    here.append(RECORDING, [b"a" * 1000])
    assert here.full() == "spool_full"
    here.drop(RECORDING)
    assert here.full() == ""


def test_a_write_that_fails_leaves_no_torn_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = spool(tmp_path)
    here.begin(HEADER)
    real, calls = os.write, []

    def write(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(fd, data[:5])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageFull):
        here.append(RECORDING, [b"a" * 50])
    monkeypatch.undo()
    here.append(RECORDING, [b"b"])
    assert list(here.chunks(RECORDING)) == [b"b"]


def test_frames_of_nonsense_are_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for nonsense in (b"", b"\xff" * 7, b"\xff" * 100, frames.framed(b"x")[:-1]):
        path.write_bytes(nonsense)
        assert list(frames.read(path)) == []


def test_records() -> None:
    records = [sound(LEFT, 5, 16_000, b"\1\0"), cut(7, 9), sound(RIGHT, 1, 24_000, b""), end(11)]
    chunk = b"".join(map(bytes, records))
    assert list(parse(chunk)) == records
    assert [(one.kind, one.position, one.stop, one.rate, one.pcm) for one in records] == [
        (LEFT, 5, 6, 16_000, b"\1\0"),
        (CUT, 7, 9, 16_000, b""),
        (RIGHT, 1, 1, 24_000, b""),
        (END, 11, 11, 16_000, b""),
    ]
    assert sound(RIGHT, 1, 24_000, bytes(8)).stop == 4, "a part of a sample is one"


@pytest.mark.parametrize(
    "chunk", [b"\1", bytes(sound(LEFT, 0, 16_000, b"\1\0"))[:-1], b"\x09" + bytes(sound(LEFT, 0, 16_000, b""))[1:]]
)
def test_no_records(chunk: bytes) -> None:
    with pytest.raises(StorageError):
        list(parse(chunk))
