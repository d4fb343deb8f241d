from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.history import Archive, archive
from api.house import key
from archive.people import NOON, Said, conversation, recording
from vivavoce.storage.clock import DAY, HOUR, MINUTE
from vivavoce.storage.models import Share

pytestmark = pytest.mark.real

SOUND = bytes(range(256)) * 4


@pytest.fixture
async def kept(tmp_path: Path, sqlite_template: Path) -> AsyncGenerator[Archive, None]:
    async with archive(tmp_path, sqlite_template) as opened:
        yield opened


async def shared(kept: Archive, days: int = 1) -> tuple[str, dict[str, Any]]:
    """A conversation of Ada with sound, and a new link to it."""
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, [Said("my secret", heard="is safe")])
    await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        answer = await browser.post(f"/api/conversations/{mine}/shares", json={"days": days}, headers=key())
    assert answer.status_code == 201
    return mine, answer.json()


def stranger(kept: Archive, bearer: str | None = None) -> httpx.AsyncClient:
    return kept.house.browser(bearer)


async def test_whoever_has_the_link_reads_and_hears_that_conversation(kept: Archive) -> None:
    mine, link = await shared(kept)
    assert link["path"] == f"/shared#{link['secret']}"
    async with stranger(kept) as anybody:
        opened = await anybody.post("/api/shared", json={"secret": link["secret"]})
    assert opened.headers["x-robots-tag"] == "noindex, nofollow"
    shown = opened.json()
    assert shown["conversation"]["id"] == mine
    assert (shown["conversation"]["owner_id"], shown["conversation"]["owner_name"]) == ("", None)
    assert shown["turns"]["items"][0]["said"] == "my secret"
    async with stranger(kept, shown["token"]) as listener:
        assert (await listener.get("/api/shared/sound")).content == SOUND
        part = await listener.get("/api/shared/sound", headers={"Range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, SOUND[:10])
        assert part.headers["x-robots-tag"] == "noindex, nofollow"
        assert (await listener.get("/api/shared/peaks")).status_code == 200
        assert len((await listener.get("/api/shared/turns")).json()["items"]) == 1
        # It opens that conversation and nothing else.
        assert (await listener.get(f"/api/conversations/{mine}")).status_code == 401
        assert (await listener.get("/api/conversations")).status_code == 401


async def test_views_are_counted_and_only_the_owner_sees_the_links(kept: Archive) -> None:
    mine, link = await shared(kept)
    async with stranger(kept) as anybody:
        for _ in range(3):
            await anybody.post("/api/shared", json={"secret": link["secret"]})
    async with kept.house.asking("ada") as browser:
        [listed] = (await browser.get(f"/api/conversations/{mine}/shares")).json()["items"]
        assert (listed["views"], "secret" in listed) == (3, False)
    async with kept.house.asking("root", "admin") as root:
        assert (await root.get(f"/api/conversations/{mine}/shares")).status_code == 404
        assert (await root.get(f"/api/conversations/{mine}")).json()["shares"] == []


async def test_a_link_that_is_revoked_ends_at_once_for_those_who_have_it_open(kept: Archive) -> None:
    mine, link = await shared(kept)
    async with stranger(kept) as anybody:
        bearer = (await anybody.post("/api/shared", json={"secret": link["secret"]})).json()["token"]
    async with kept.house.asking("ada") as browser:
        for _ in range(2):  # a second time does nothing
            assert (await browser.delete(f"/api/conversations/{mine}/shares/{link['id']}")).status_code == 204
    async with stranger(kept, bearer) as listener:
        for path in ("sound", "peaks", "turns"):
            answer = await listener.get(f"/api/shared/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_shared")
        again = await listener.post("/api/shared", json={"secret": link["secret"]})
        assert (again.status_code, again.json()["code"]) == (404, "not_shared")


async def test_bearer_and_link_run_out(kept: Archive) -> None:
    _, link = await shared(kept)
    async with stranger(kept) as anybody:
        bearer = (await anybody.post("/api/shared", json={"secret": link["secret"]})).json()["token"]
        kept.clock.now += 11 * MINUTE
        async with stranger(kept, bearer) as late:
            answer = await late.get("/api/shared/sound")
            assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
        kept.clock.now += DAY - 11 * MINUTE
        assert (await anybody.post("/api/shared", json={"secret": link["secret"]})).status_code == 404


async def test_a_bearer_outlives_neither_its_link_nor_its_conversation(kept: Archive) -> None:
    mine, link = await shared(kept)
    kept.clock.now += DAY - MINUTE
    async with stranger(kept) as anybody:
        bearer = (await anybody.post("/api/shared", json={"secret": link["secret"]})).json()["token"]
    async with kept.house.asking("ada") as browser:
        await browser.delete(f"/api/conversations/{mine}")
    async with stranger(kept, bearer) as listener:
        assert (await listener.get("/api/shared/sound")).status_code == 404


async def test_a_bearer_that_was_changed_opens_nothing(kept: Archive) -> None:
    _, link = await shared(kept)
    other, _ = await shared(kept)
    async with stranger(kept) as anybody:
        bearer = (await anybody.post("/api/shared", json={"secret": link["secret"]})).json()["token"]
    head, share, until, mark = bearer.split("_")
    later = f"{int(until, 16) + HOUR:x}"
    forged = [
        "",
        "vs_",
        f"{head}_{share}_{later}_{mark}",
        f"{head}_{share}_{until}_{mark[:-1]}{'0' if mark[-1] != '0' else '1'}",
        f"{head}_{other}_{until}_{mark}",
        bearer + "0",
        bearer.upper(),
        "x" * 3_000,
    ]
    for one in forged:
        async with stranger(kept, one or None) as listener:
            answer = await listener.get("/api/shared/sound")
            assert answer.status_code in (401, 404), one


async def test_guessing_opens_nothing(kept: Archive) -> None:
    await shared(kept)
    async with stranger(kept) as anybody:
        for secret in ("", "x", "x" * 43, "x" * 129, "'; DROP TABLE shares; --", "vv_token"):
            assert (await anybody.post("/api/shared", json={"secret": secret})).status_code in (404, 422)


async def test_the_secret_is_stored_nowhere(kept: Archive, tmp_path: Path) -> None:
    _, link = await shared(kept)
    async with kept.database.reading() as session:
        [row] = await session.scalars(select(Share))
    assert link["secret"].encode() not in row.hash
    for file in tmp_path.glob("house.db*"):
        assert link["secret"].encode() not in file.read_bytes()


async def test_a_link_lasts_a_day_to_ninety(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"], at=NOON)
    async with kept.house.asking("ada") as browser:
        for days in (0, 91, -1, "7"):
            answer = await browser.post(f"/api/conversations/{mine}/shares", json={"days": days}, headers=key())
            assert answer.status_code == 422
