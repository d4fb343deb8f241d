"""The pages say what is so: links lead somewhere, settings exist, every message of the Talk page is explained."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vivavoce.accounts.permissions import PERMISSIONS
from vivavoce.app.settings import schema
from vivavoce.wire.codes import ERRORS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")],
    key=lambda page: page.as_posix(),
)
TEXTS = ROOT / "console/src/features/talk/texts.en.json"
LATER = {"out_of_memory", "model_invalid", "device_moved", "page_left"}
"""Codes that the wire has and this server does not send yet; the page is ready for them."""
NO_TROUBLE = {"using", "live", "off", "again", "stopped", "sentence", "try", "goes_on", "read_it", "forbidden"}


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S)):
        if re.match(r"https?:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            assert fragment in {anchor(heading) for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_are_named_exist(page: Path) -> None:
    known = {*schema.paths(), *PERMISSIONS, "openai", "limits", "turn"}
    sections = {path.partition(".")[0] for path in schema.paths()}
    for named in re.findall(r"`([a-z]+\.[a-z_]+)(?:: [^`]*)?`", page.read_text(encoding="utf-8")):
        if named.partition(".")[0] in sections and not named.endswith((".py", ".md", ".yaml")):
            assert named in known, named


def test_every_message_of_the_talk_page_is_explained() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))
    for group in ("microphone", "line", "ended", "error", "first"):
        for key, text in texts[group].items():
            if key in LATER | NO_TROUBLE:
                continue
            parts = [part.strip(" ,:") for part in re.split(r"\{\{\w+\}\}", text)]
            assert all(part in page for part in parts), f"{group}.{key}: {text}"


def test_codes_that_are_not_explained_are_not_sent() -> None:
    assert set(ERRORS) >= LATER
    for file in (ROOT / "src/vivavoce").rglob("*.py"):
        if file.name != "codes.py":
            text = file.read_text(encoding="utf-8")
            assert not [code for code in LATER if f'"{code}"' in text], file


def test_the_figures_are_those_of_the_benchmark() -> None:
    done = subprocess.run([sys.executable, ROOT / "script/figures", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
