"""The generated files, and that they are of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vivavoce.accounts.permissions import ROLES
from vivavoce.api.generate import document, generated, main, renewed, table
from vivavoce.api.sections import declarations

PROJECT = Path(__file__).parents[2]


def test_the_generated_files_of_this_project_are_up_to_date() -> None:
    stale = [path for path, text in generated(PROJECT).items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run script/generate"


def test_the_table_of_permissions_has_no_empty_cell() -> None:
    head, _, *rows = table().splitlines()
    assert len(rows) == len(declarations())
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 3 + 2 + len(ROLES) == head.count("|") - 1
        assert all(cells), row
        assert set(cells[3:]) <= {"yes", "no", "sign in"}


def test_every_operation_of_the_document_says_who_may_and_what_it_does() -> None:
    text = json.loads(document())
    for path, operations in text["paths"].items():
        for method, operation in operations.items():
            assert operation["x-permission"], (path, method)
            assert operation["x-limit"], (path, method)
            assert operation["description"], (path, method)
            assert operation["tags"], (path, method)
    every = json.dumps(text)
    for reference in set(every.split('"$ref": "')[1:]):
        name = reference.partition('"')[0].removeprefix("#/components/")
        kind, _, rest = name.partition("/")
        assert rest in text["components"][kind], name


def test_check_tells_what_is_stale_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs/permissions.md"
    page.parent.mkdir()
    page.write_text((PROJECT / "docs/permissions.md").read_text())
    assert main(["--check"], tmp_path) == 1
    assert "docs/openapi.json is not up to date" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert main(["--chek"], tmp_path) == 2


def test_a_page_without_marks_is_told() -> None:
    with pytest.raises(ValueError, match="marks"):
        renewed("# nothing")
