"""The locked requirements: every file hashed, no address of any registry, in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = sorted((ROOT / "requirements").glob("*.txt"))

Pins = dict[str, list[tuple[Version, str]]]


def pins(file: Path) -> Pins:
    """Name → (version, the lines that follow) for each `name==version` of a locked file."""
    out: Pins = {}
    blocks = re.split(r"^(?=[A-Za-z0-9])", file.read_text(), flags=re.M)
    for block in blocks[1:]:
        name, version = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block).groups()  # type: ignore[union-attr]
        out.setdefault(canonicalize_name(name), []).append((Version(version), block))
    return out


def wanted() -> Iterator[tuple[str, str]]:
    """(file, requirement) for everything pyproject.toml asks for."""
    for line in PROJECT["project"]["dependencies"]:
        yield "base.txt", line
        yield "dev.txt", line
    for group in ("dev", "build", "node", "uv"):
        for line in PROJECT["dependency-groups"][group]:
            yield f"{group}.txt", line


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_requirements_are_hashed(file: Path) -> None:
    for name, entries in pins(file).items():
        for _, block in entries:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), f"{name} in {file.name} has no hash"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_requirements_name_no_registry(file: Path) -> None:
    for line in file.read_text().splitlines():
        assert "://" not in line
        assert not line.lstrip().startswith(("-i", "--index", "--extra-index", "-f", "--find-links", "-e"))


@pytest.mark.parametrize(("file", "line"), list(wanted()))
def test_what_the_project_asks_for_is_locked(file: str, line: str) -> None:
    requirement = Requirement(line)
    found = pins(ROOT / "requirements" / file).get(canonicalize_name(requirement.name), [])
    assert found, f"{requirement.name} is not in requirements/{file}: run script/lock"
    for version, _ in found:
        assert version in requirement.specifier, f"{line} is locked at {version} in {file}: run script/lock"


def test_tests_run_with_the_versions_that_are_served() -> None:
    tested = pins(ROOT / "requirements/dev.txt")
    for name, entries in pins(ROOT / "requirements/base.txt").items():
        assert {version for version, _ in entries} == {version for version, _ in tested[name]}, name


def test_the_build_is_what_the_project_declares() -> None:
    declared = {Requirement(line).name for line in PROJECT["build-system"]["requires"]}
    assert declared <= pins(ROOT / "requirements/build.txt").keys()


def test_console_packages_name_no_registry() -> None:
    assert '"resolved": "http' not in (ROOT / "console/package-lock.json").read_text()
