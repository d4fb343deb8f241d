"""The metrics of a whole server, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from vivavoce.app.front import Front
from vivavoce.app.platform import platform
from vivavoce.app.settings import Flag, load

pytestmark = pytest.mark.real

PAGE = Path(__file__).parents[2] / "docs/operating.md"


async def test_every_metric_is_on_the_page_and_moves(tmp_path: Path) -> None:
    loaded = load([Flag("data.folder", str(tmp_path / "data"), "test")], {}, folder=tmp_path)
    async with platform(loaded) as house:
        front = Front(house)
        asking = httpx.AsyncClient(transport=httpx.ASGITransport(front.app), base_url="http://localhost")
        async with asking:
            wrong = {"name": "wanda", "password": "my canary is yellow"}
            assert (await asking.post("/api/auth/password", json=wrong)).status_code == 401
            assert (await asking.get("/health/live")).status_code == 200
            assert (await asking.get("/health", headers={"Host": "evil.example"})).status_code == 403
        shown = front.metrics.render().decode()
        sample = front.metrics.registry.get_sample_value
        assert sample("vivavoce_sign_ins_total", {"way": "password", "outcome": "refused"}) == 1
        assert sample("vivavoce_audit_rows_total", {"act": "sign_in", "outcome": "refused"}) == 1
        assert sample("vivavoce_http_seconds_count", {"route_class": "sign_in", "status": "4xx"}) == 1
        assert sample("vivavoce_http_seconds_count", {"route_class": "page", "status": "2xx"}) == 1
        assert sample("vivavoce_http_seconds_count", {"route_class": "none", "status": "4xx"}) == 1
        assert sample("vivavoce_database_statement_seconds_count", {"kind": "insert"})
        assert sample("vivavoce_database_wait_seconds_count", {"for": "writing"})
        assert sample("vivavoce_cache_up") == 1
        assert sample("vivavoce_archive_promising") == 1
        assert "canary" not in shown
        assert wrong["name"] not in shown
        served = {family.name for family in front.metrics.registry.collect()}
    section = PAGE.read_text().partition("## Metrics")[2]
    listed = {name.removesuffix("_total") for name in re.findall(r"`(vivavoce_\w+)`", section)}
    assert listed == served
