"""`vivavoce doctor --security`: each thing that is wrong is told with what to do."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from vivavoce.app.front import Front
from vivavoce.app.platform import platform
from vivavoce.app.security import Row, look
from vivavoce.app.settings import Flag, load


def looked(folder: Path, *assignments: str, environ: dict[str, str] | None = None) -> dict[str, Row]:
    given = (f"data.folder={folder / 'data'}", *assignments)
    flags = [Flag(path, text, "--set") for path, _, text in (one.partition("=") for one in given)]
    return {row.name: row for row in asyncio.run(look(load(flags, environ or {}, folder=folder)))}


def test_a_fresh_installation_is_well_but_for_root(tmp_path: Path) -> None:
    rows = looked(tmp_path)
    assert [name for name, row in rows.items() if not row.well] == (["process"] if os.geteuid() == 0 else [])
    assert not (tmp_path / "data").exists()


def test_a_file_that_others_can_read_and_a_link_are_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "fine").touch(0o600)
    assert looked(tmp_path)["data folder"].well
    (data / "open").touch(0o600)
    (data / "open").chmod(0o640)
    (data / "link").symlink_to("/etc")
    row = looked(tmp_path)["data folder"]
    assert not row.well
    assert str(data / "open") in row.detail
    assert str(data / "link") in row.detail
    assert "fine" not in row.detail
    assert "chmod" in row.remedy


def test_secrets_on_the_command_line_or_in_an_open_file_are_told_and_not_shown(tmp_path: Path) -> None:
    row = looked(tmp_path, "openai.api_key=hush-7734")["secrets"]
    assert not row.well
    assert "openai.api_key" in row.detail
    assert "7734" not in row.detail + row.remedy
    assert looked(tmp_path, environ={"OPENAI_API_KEY": "hush-7734"})["secrets"].well
    file = tmp_path / "vivavoce.yaml"
    file.write_text("openai:\n  api_key: hush-7734\n")
    file.chmod(0o644)
    assert looked(tmp_path)["secrets"].remedy == f"chmod 600 {file}"
    file.chmod(0o600)
    assert looked(tmp_path)["secrets"].well


@pytest.mark.parametrize(
    ("name", "assignment"),
    [
        ("hosts and origins", "server.origins=http://app.example"),
        ("proxies", "server.trusted_proxies=0.0.0.0/0"),
        ("encryption", "tls.certificate=nowhere.pem"),
        ("encryption", "tls.behind_proxy=true"),
        ("sealing at rest", "data.keys=nowhere"),
        ("database", "data.database=postgresql://v:pw@db.example/v?sslmode=disable"),
        ("redis", "data.redis=redis://cache.example/0"),
    ],
)
def test_what_is_open_is_told_with_what_to_do(tmp_path: Path, name: str, assignment: str) -> None:
    row = looked(tmp_path, assignment)[name]
    assert not row.well
    assert row.remedy
    assert "pw" not in row.detail


def test_commands_leave_no_core_dump() -> None:
    code = (
        "import resource; from vivavoce.app.process import no_core_dumps; no_core_dumps(); "
        "print(*resource.getrlimit(resource.RLIMIT_CORE))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {int(word) for word in told.split()} <= {0, 1}
    assert resource.RLIM_INFINITY not in {int(word) for word in told.split()}


@pytest.mark.real
async def test_what_a_server_writes_is_its_owners_alone_and_holds_no_password(tmp_path: Path) -> None:
    loaded = load([Flag("data.folder", str(tmp_path / "data"), "test")], {}, folder=tmp_path)
    before = os.umask(0o022)
    try:
        async with platform(loaded) as house:
            asking = httpx.AsyncClient(transport=httpx.ASGITransport(Front(house).app), base_url="http://localhost")
            assert house.first is not None
            body = {"secret": house.first.secret, "password": "a canary on plum trees"}
            async with asking:
                assert (await asking.post("/api/auth/link", json=body)).status_code == 200
                assert (await asking.post("/api/auth/link", json=body)).status_code == 401
            rows = {row.name: row for row in await look(loaded)}
            assert rows["data folder"].well, rows["data folder"].detail
            files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
            assert files
            for path in files:
                kept = path.read_bytes()
                assert b"canary" not in kept, path
                assert house.first.secret.encode() not in kept, path
    finally:
        os.umask(before)
