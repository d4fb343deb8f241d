"""All three stores pass one suite: a folder, memory, and S3 (moto, an independent server of its protocol)."""

from __future__ import annotations

import asyncio
import os
import signal
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import ConfigError, StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.blobs import open_blobs
from vivavoce.storage.blobs.keys import checked, is_key
from vivavoce.storage.blobs.objects import translated
from vivavoce.testing import conformance_storage as suite
from vivavoce.testing.conformance_storage import chunks_of, whole

pytestmark = pytest.mark.real

rules = pytest.mark.parametrize("rule", suite.BLOBS_RULES, ids=suite.name)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a server that speaks S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, with what an installation's environment would hold."""
    import httpx

    for name, value in (("ACCESS_KEY_ID", "id"), ("SECRET_ACCESS_KEY", "secret"), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"voices-{uuid4().hex}"
    httpx.put(f"{s3_server}/{name}").raise_for_status()
    return name


@rules
async def test_blobs_in_a_folder(rule: suite.BlobsRule, tmp_path: Path) -> None:
    async with open_blobs(tmp_path / "blobs") as blobs:
        await rule(blobs)
        assert os.listdir(tmp_path / "blobs" / ".uploads") == []
    assert os.listdir(tmp_path) == ["blobs"]


async def test_a_folder_that_is_named_is_shared_by_those_who_name_it(tmp_path: Path) -> None:
    shared = str(tmp_path / "shared")
    async with open_blobs(tmp_path / "one", shared) as one, open_blobs(tmp_path / "other", shared) as other:
        await one.put("recordings/a", chunks_of(b"OggS"), "audio/ogg")
        assert await whole(other.get("recordings/a")) == b"OggS"
    assert os.listdir(tmp_path) == ["shared"]


@rules
async def test_blobs_in_memory(rule: suite.BlobsRule, tmp_path: Path) -> None:
    async with open_blobs(tmp_path, "memory:") as blobs:
        await rule(blobs)


@rules
async def test_blobs_in_s3(rule: suite.BlobsRule, tmp_path: Path, s3_server: str, bucket: str) -> None:
    async with open_blobs(tmp_path, f"s3://{bucket}/some/prefix", s3_server) as blobs:
        await rule(blobs)
    assert unfinished(s3_server, bucket) == 0


def unfinished(server: str, bucket: str) -> int:
    import httpx

    return httpx.get(f"{server}/{bucket}?uploads").text.count("<Upload>")


async def test_s3_is_told_the_content_type(tmp_path: Path, s3_server: str, bucket: str) -> None:
    async with open_blobs(tmp_path, f"s3://{bucket}", s3_server) as blobs:
        await blobs.put("recordings/a", chunks_of(b"OggS"), "audio/ogg")
    assert content_type(f"{s3_server}/{bucket}/recordings/a") == "audio/ogg"


def content_type(address: str) -> str:
    import httpx

    return httpx.head(address).headers["content-type"]


@pytest.mark.usefixtures("bucket")
async def test_an_s3_that_is_away_is_unavailable(tmp_path: Path) -> None:
    async with open_blobs(tmp_path, "s3://voices", "http://127.0.0.1:1") as blobs:
        for work in (blobs.head("a/b"), whole(blobs.get("a/b")), blobs.put("a/b", chunks_of(b"x"), "x/y")):
            with pytest.raises(StorageUnavailable):
                await work


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix", "https://bucket", "voices"])
async def test_an_address_that_is_none_is_a_mistake_in_the_configuration(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.blobs"):
        async with open_blobs(tmp_path, address):
            pass


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        ValueError("… status code: 507 Insufficient Storage"),
        OSError(122, "quota"),
    ],
)
def test_a_store_without_room_is_full(error: Exception) -> None:
    with pytest.raises(StorageFull), translated():
        raise error


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        async with open_blobs(tmp_path / "file"):
            pass
    async with open_blobs(tmp_path) as blobs:
        await blobs.put("kind/a", chunks_of(b"1"), "x/y")
        with pytest.raises(StorageUnavailable):  # a folder stands where the blob would
            await blobs.put("kind/a/b", chunks_of(b"1"), "x/y")


async def test_only_its_owner_can_read_a_blob(tmp_path: Path) -> None:
    async with open_blobs(tmp_path / "blobs") as blobs:
        await blobs.put("kind/a", chunks_of(b"1"), "x/y")
    for path in (tmp_path / "blobs").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


async def test_what_a_killed_upload_left_goes_after_its_time(tmp_path: Path) -> None:
    async with open_blobs(tmp_path) as blobs:
        left = tmp_path / ".uploads" / "left"
        left.write_bytes(b"half")
        os.utime(left, (1_000, 1_000))
        (tmp_path / ".uploads" / "under-way").write_bytes(b"half")
        assert [key async for key in blobs.keys("")] == []
        assert await blobs.tidy(2_000_000) == 1
        assert os.listdir(tmp_path / ".uploads") == ["under-way"]


_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from vivavoce.storage.blobs import open_blobs

async def chunks():
    yield bytes(1_000_000)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with open_blobs(Path(sys.argv[1])) as blobs:
        await blobs.put("kind/a", chunks(), "x/y")

asyncio.run(main())
"""


async def test_an_upload_that_is_killed_shows_nothing(tmp_path: Path) -> None:
    died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", _DIES, str(tmp_path)])
    assert died.returncode == -signal.SIGKILL
    async with open_blobs(tmp_path) as blobs:
        assert [key async for key in blobs.keys("")] == []
        assert len(os.listdir(tmp_path / ".uploads")) == 1
        assert await blobs.tidy(1 << 60) == 1


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_/.%\\#:\0 é", max_size=30))
def test_a_key_never_leaves_its_folder(text: str) -> None:
    """Whatever is taken for a key names a file below the root, and under no other name."""
    if not is_key(text):
        with pytest.raises(StorageError):
            checked(text)
        return
    path = os.path.normpath(os.path.join("/root", text))
    assert path == f"/root/{text}"
    assert not any(part.startswith(".") for part in text.split("/"))
