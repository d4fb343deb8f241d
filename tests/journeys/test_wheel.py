"""The wheel alone serves the page: built from the source archive, unpacked, run away from this folder."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.journey

RUN = """\
import sys
sys.path.insert(0, {wheel!r})
from pathlib import Path
import vivavoce
assert Path(vivavoce.__file__).is_relative_to({wheel!r}), vivavoce.__file__
sys.argv = ["vivavoce", "serve", "--port", "0"]
from vivavoce.app.cli import main
main()
"""


def hatch(folder: Path, kind: str, into: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return next(into.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("dist")
    subprocess.run(["tar", "-xzf", str(hatch(ROOT, "sdist", into)), "-C", str(into)], check=True)
    return hatch(next(path for path in into.iterdir() if path.is_dir()), "wheel", into)


@pytest.fixture
def served(wheel: Path, tmp_path: Path) -> Iterator[str]:
    unpacked = tmp_path / "wheel"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    command = [sys.executable, "-c", RUN.format(wheel=str(unpacked))]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={"HOME": str(tmp_path)})
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Open (http://\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail("the server ended before it was ready")
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(60) == 0


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_the_wheel_alone_serves_the_page(served: str) -> None:
    page = fetch(f"{served}/")
    script = re.search(r'src="(/assets/[^"]+\.js)"', page)
    assert script, page
    assert fetch(served + script[1])
    assert '"ok"' in fetch(f"{served}/health")


def test_the_wheel_carries_no_sources_of_the_console(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "vivavoce/channels/console/index.html" in names
    assert not [name for name in names if name.endswith((".tsx", "package.json")) or "node_modules" in name]
