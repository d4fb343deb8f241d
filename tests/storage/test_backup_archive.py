"""A backup that was changed anywhere, or made to hurt, is refused before anything of it is used."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vivavoce.errors import Conflict, StorageError, StorageUnavailable
from vivavoce.storage.backup_archive import (
    CHECKSUM,
    FORMAT,
    MANIFEST,
    Manifest,
    Reader,
    Writer,
    packed,
    reading,
    writing,
)

USERS = "tables/users/000001.jsonl.gz"
SOUND = "blobs/recordings/aa"
CONTENT = {USERS: packed([b'["id"]', b'["1"]', b'["2"]']), SOUND: b"sound " * 500}


def manifest(writer: Writer) -> Manifest:
    return Manifest(
        program="1", revision="0001", made_at=1, tables={"users": 2}, counters={}, members=dict(writer.members),
        lost=[], keys=[],
    )  # fmt: skip


def make(path: Path) -> None:
    with writing(path) as writer:
        for name, content in CONTENT.items():
            writer.add_bytes(name, content)
        writer.finish(manifest(writer))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar"
    make(path)
    return path


def read(path: Path) -> dict[str, object]:
    with reading(path) as backup:
        return everything(backup)


def everything(backup: Reader) -> dict[str, object]:
    blobs = {key: b"".join(backup.blob(key)) for key in backup.blobs()}
    return {"users": list(backup.parts("users")), **blobs}


def test_there_and_back(path: Path) -> None:
    assert read(path) == {"users": [[b'["id"]', b'["1"]', b'["2"]']], "recordings/aa": CONTENT[SOUND]}


def test_any_tar_can_list_it(path: Path) -> None:
    with tarfile.open(path) as tar:
        assert tar.getnames() == [USERS, SOUND, MANIFEST, CHECKSUM]


def test_the_same_rows_make_the_same_bytes(path: Path, tmp_path: Path) -> None:
    make(tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == path.read_bytes()


# ── damage ────────────────────────────────────────────────────────────────────────────────────────


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_bit_is_found_and_its_file_named(path: Path, tmp_path: Path, data: st.DataObject) -> None:
    good = path.read_bytes()
    with tarfile.open(path) as tar:
        place, size, name = data.draw(
            st.sampled_from([(info.offset_data, info.size, info.name) for info in tar.getmembers()])
        )
    where = place + data.draw(st.integers(0, size - 1))
    bad = bytearray(good)
    bad[where] ^= 1 << data.draw(st.integers(0, 7))
    changed = tmp_path / "changed.tar"
    changed.write_bytes(bad)
    with pytest.raises(StorageError) as problem:
        read(changed)
    assert name in problem.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_head_of_a_file_is_found(path: Path, tmp_path: Path, data: st.DataObject) -> None:
    with tarfile.open(path) as tar:
        start = data.draw(st.sampled_from([info.offset for info in tar.getmembers()]))
    bad = bytearray(path.read_bytes())
    where = start + data.draw(st.integers(0, 344))  # name, rights, size, checksum, link: what is in use of a head
    bad[where] ^= 1 << data.draw(st.integers(0, 7))
    changed = tmp_path / "changed.tar"
    changed.write_bytes(bad)
    try:
        found = read(changed)
    except StorageError:
        return
    assert found == read(path)  # a bit that means nothing, such as one of its time


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True))
def test_one_that_was_cut_off_is_refused(path: Path, tmp_path: Path, share: float) -> None:
    with tarfile.open(path) as tar:
        end = tar.getmembers()[-1]
        needed = end.offset_data + end.size
    cut = tmp_path / "cut.tar"
    cut.write_bytes(path.read_bytes()[: int(needed * share)])
    with pytest.raises(StorageError):
        read(cut)


@pytest.mark.parametrize(
    "content", [b"", b"no tar at all", b"\0" * 10_240, gzip.compress(b"x"), b"SQLite format 3\0" * 99]
)
def test_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(StorageError):
        read(tmp_path / "other")


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="nowhere"):
        read(tmp_path / "nowhere")


# ── malice ────────────────────────────────────────────────────────────────────────────────────────


def forged(path: Path, *extra: tuple[tarfile.TarInfo, bytes], **changes: object) -> Path:
    """A backup with true checksums, and something in it that ours never have."""
    members = {name: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for name, c in CONTENT.items()}
    for info, content in extra:
        members[info.name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    body = {"format": FORMAT, "program": "1", "revision": "0001", "made_at": 1, "tables": {"users": 2}}
    body |= {"counters": {}, "members": members, "lost": [], "keys": []} | changes
    text = msgspec.json.encode(body)
    path.unlink(missing_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in CONTENT.items():
            tar.addfile(_info(name, content), io.BytesIO(content))
        for info, content in extra:
            tar.addfile(info, io.BytesIO(content))
        for name, content in ((MANIFEST, text), (CHECKSUM, hashlib.sha256(text).hexdigest().encode())):
            tar.addfile(_info(name, content), io.BytesIO(content))
    return path


def _info(name: str, content: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/cron.d/evil",
        "evil",
        "blobs/../../evil",
        "blobs/a/../b",
        "blobs/.ssh/key",
        "blobs//x",
        "blobs/",
        "tables/users/1.jsonl.gz",
        "tables/../users/000001.jsonl.gz",
        "blobs/a\nb",
        "blobs/ä",
        "C:\\evil",
        "blobs/a/b\\c",
    ],
)
def test_names_that_lead_elsewhere(path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="is no name"):
        read(forged(path, (_info(name, b"x"), b"x")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_ordinary_file(path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("blobs/recordings/link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(StorageError, match="no ordinary file"):
        read(forged(path, (info, b"")))


def test_a_file_that_is_there_twice(path: Path) -> None:
    with pytest.raises(StorageError, match="twice"):
        read(forged(path, (_info(SOUND, b"x"), b"x")))


def test_a_file_that_the_manifest_does_not_know(path: Path) -> None:
    extra = _info("blobs/recordings/bb", b"x")
    members = {name: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for name, c in CONTENT.items()}
    with pytest.raises(StorageError, match="does not belong"):
        read(forged(path, (extra, b"x"), members=members))


def test_a_file_that_is_missing(path: Path) -> None:
    members = {"blobs/recordings/bb": {"size": 1, "sha256": ""}}
    with pytest.raises(StorageError, match="recordings/bb is missing"):
        read(forged(path, members=members))


def test_a_bomb_is_not_unpacked(path: Path) -> None:
    bomb = gzip.compress(b"\0" * (65 << 20))
    bad = forged(path, (_info("tables/users/000002.jsonl.gz", bomb), bomb))
    with pytest.raises(StorageError, match="larger than any"):
        read(bad)


@pytest.mark.parametrize(
    ("changes", "because"),
    [({"format": 2}, "newer Vivavoce"), ({"tables": "many"}, "none of ours"), ({"members": {"x": 1}}, "none of ours")],
)
def test_a_manifest_of_another_kind(path: Path, changes: dict[str, object], because: str) -> None:
    with pytest.raises(StorageError, match=because):
        read(forged(path, **changes))


# ── writing ───────────────────────────────────────────────────────────────────────────────────────


def test_it_comes_into_its_place_at_the_end_only(tmp_path: Path) -> None:
    place = tmp_path / "later.tar"
    with writing(place) as writer:
        writer.finish(manifest(writer))
        assert not place.exists()
    assert [one.name for one in tmp_path.iterdir()] == ["later.tar"]


def test_whoever_was_quicker_keeps_the_place(tmp_path: Path) -> None:
    place = tmp_path / "later.tar"

    def slowly() -> None:
        with writing(place) as writer:
            writer.finish(manifest(writer))
            place.write_bytes(b"somebody's")

    with pytest.raises(Conflict):
        slowly()
    assert place.read_bytes() == b"somebody's"
    assert [one.name for one in tmp_path.iterdir()] == ["later.tar"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable), writing(tmp_path / "nowhere" / "later.tar"):
        pass
