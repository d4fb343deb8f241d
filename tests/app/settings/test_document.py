from __future__ import annotations

import re
from pathlib import Path

import pytest

from vivavoce.app.settings import document, schema

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_is_what_the_settings_are() -> None:
    text = PAGE.read_text()
    assert document.renewed(text) == text, "script/generate makes it current"


def test_every_key_is_on_the_page_and_every_key_on_the_page_exists() -> None:
    on_page = set(re.findall(r"^\| `([a-z_]+\.[a-z_0-9]+)` \|", PAGE.read_text(), re.M))
    assert on_page | {f"{name}.backend" for name in ("vad", "asr", "llm", "tts")} == set(schema.paths())


def test_every_key_and_every_section_is_explained() -> None:
    for section in schema.sections():
        assert section.text, section.name
        for key in section.keys:
            assert key.text.endswith((".", ")")), key.path


def test_a_page_without_the_marks_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="marks"):
        document.renewed("# Configuration")


def test_check_tells_a_stale_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{document.BEGIN}\nold\n{document.END}\n")
    assert document.main(["--check", str(page)]) == 1
    assert document.main([str(page)]) == 0
    assert document.main(["--check", str(page)]) == 0
    assert "turn.patience" in page.read_text()
