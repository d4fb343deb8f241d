from __future__ import annotations

from pathlib import Path

import pytest

from vivavoce.wire.generate import main, stale

PROJECT = Path(__file__).parents[2]


def test_the_generated_files_of_this_project_are_up_to_date() -> None:
    assert stale(PROJECT) == [], "run script/generate"


def test_check_tells_what_is_stale_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "console/src/generated/wire.ts is not up to date" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_generating_makes_the_check_pass(tmp_path: Path) -> None:
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "docs/asyncapi.json").write_text("{}")
    assert main(["--check"], tmp_path) == 1


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    assert main(["--chek"], tmp_path) == 2
