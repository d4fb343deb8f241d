"""The pages for readers: what they point to in this repository is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [page for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for page in sorted(ROOT.glob(pattern))]
LINK = re.compile(r"""\]\(<?([^)\s>]+)[^)]*\)|(?:src|href)="([^"]+)\"""")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def targets(page: Path) -> set[tuple[str, str]]:
    """(path, anchor) of every link and image that leaves no repository."""
    links = {one or other for one, other in LINK.findall(CODE.sub("", page.read_text("utf-8")))}
    inside = (link for link in links if not re.match(r"[a-z]+:", link))
    return {(unquote(path), unquote(anchor)) for path, _, anchor in (link.partition("#") for link in inside)}


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get, as code forges make them."""
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_pages_are_found() -> None:
    assert {"README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {
        page.name for page in PAGES
    }
    assert ("ARCHITECTURE.md", "") in targets(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_images_are_there(page: Path) -> None:
    missing = []
    for path, anchor in sorted(targets(page)):
        found = page.parent / path if path else page
        if not found.exists() or ROOT not in [found.resolve(), *found.resolve().parents]:
            missing.append(path)
        elif anchor and found.suffix == ".md" and anchor not in anchors(found):
            missing.append(f"{path}#{anchor}")
    assert not missing
