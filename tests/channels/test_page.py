from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from channels.people import Entrance
from vivavoce.channels.http import Guarded, Status, http_app, pages
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.readiness import Readiness

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<meta name="csp-nonce" content="__CSP_NONCE__"><div id="root"></div>')
    (folder / "manifest.build.json").write_text("{}")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets/main-3f2a.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def get(folder: Path, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    entrance = Entrance()
    shown = pages(Readiness(), Metrics(), lambda: Status("0"), folder)
    app = http_app(Guarded(entrance.door, entrance.cache), shown)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("path", ["/", "/talk", "/history/42", "/index.html"])
async def test_every_page_is_the_one_page_with_a_nonce_of_its_own(built: Path, path: str) -> None:
    first, second = await get(built, path, PAGE), await get(built, path, PAGE)
    nonces = []
    for answer in (first, second):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        found = re.search(r'content="([\w-]{16,})"', answer.text)
        assert found
        assert f"style-src 'self' 'nonce-{found[1]}'" in answer.headers["content-security-policy"]
        nonces.append(found[1])
    assert nonces[0] != nonces[1]


async def test_assets_are_kept_for_ever_and_other_files_are_asked_for_again(built: Path) -> None:
    script = await get(built, "/assets/main-3f2a.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    icon = await get(built, "/icon.svg")
    assert (icon.headers["content-type"], icon.headers["cache-control"]) == ("image/svg+xml", "no-cache")


@pytest.mark.parametrize("path", ["/assets/gone.js", "/manifest.build.json", "/api/nothing"])
async def test_a_file_that_is_missing_is_not_answered_with_the_page(built: Path, path: str) -> None:
    assert (await get(built, path, {"Accept": "*/*"})).status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd"]
)
async def test_no_path_leads_out_of_the_folder(built: Path, path: str) -> None:
    answer = await get(built, path)
    assert answer.status_code in (400, 404)
    assert "secret" not in answer.text


async def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    answer = await get(tmp_path / "nowhere", "/", PAGE)
    assert answer.status_code == 503
    assert "script/console" in answer.text
