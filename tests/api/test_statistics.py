from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from api.history import Archive, archive
from archive.people import NOON, Said, conversation
from vivavoce.storage.clock import HOUR

pytestmark = pytest.mark.real

RANGE = {"from": "2025-11-24T00:00:00Z", "to": "2025-11-26T00:00:00Z"}


@pytest.fixture
async def kept(tmp_path: Path, sqlite_template: Path) -> AsyncGenerator[Archive, None]:
    async with archive(tmp_path, sqlite_template) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        await conversation(opened.database, ada.id, [Said("a"), Said("b", reason="interrupted", response_ms=1_000)])
        await conversation(opened.database, bob.id, [Said("c", state="failed", response_ms=None)], at=NOON + HOUR)
        yield opened


async def test_people_see_their_own_numbers(kept: Archive) -> None:
    async with kept.house.asking("ada") as browser:
        [hour] = (await browser.get("/api/statistics", params=RANGE)).json()["items"]
    assert (hour["at"], hour["conversations"], hour["turns"], hour["people"]) == ("2025-11-24T16:00:00.000Z", 1, 2, 1)
    assert (hour["cuts"], hour["errors"]) == (1, 0)
    assert hour["response_p50_ms"] == pytest.approx(500, rel=0.03)
    assert hour["response_p95_ms"] == pytest.approx(1_000, rel=0.03)


async def test_operators_see_everybodys(kept: Archive) -> None:
    async with kept.house.asking("olga", "operator") as olga:
        shown = (await olga.get("/api/statistics", params=RANGE | {"owner": "*", "by": "day"})).json()["items"]
        assert [(day["turns"], day["people"], day["errors"]) for day in shown] == [(3, 2, 1)]


async def test_nobody_else_does(kept: Archive) -> None:
    async with kept.house.asking("ada") as browser:
        assert (await browser.get("/api/statistics", params=RANGE | {"owner": "*"})).status_code == 403
    async with kept.house.asking("vera", "viewer") as vera:
        assert (await vera.get("/api/statistics", params=RANGE)).status_code == 403


async def test_a_time_has_a_beginning_before_its_end_and_a_year_at_most(kept: Archive) -> None:
    async with kept.house.asking("ada") as browser:
        for span in ({"from": "2025-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}, {"from": "2099-01-01T00:00:00Z"}):
            assert (await browser.get("/api/statistics", params=span)).status_code == 422
