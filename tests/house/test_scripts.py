"""The scripts' own set-up: which tools of the machine are taken, and when `.venv` is made anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}

UV = f"""#!/bin/sh
# Stands in for uv: a virtual environment is a launcher, and an installed package a note.
echo "$@" >> "$(dirname "$0")/asked"
case $1 in
  --version) echo "uv 99.0.0" ;;
  venv) rm -rf .venv && mkdir -p .venv/bin && cat > .venv/bin/python <<END && chmod +x .venv/bin/python ;;
#!/bin/sh
PYTHONPATH=$PWD/src exec {sys.executable} "\\$@"
END
esac
"""


class Clone:
    """A folder with the scripts and what they read; uv is ours, and the console needs no building."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.tools = folder / "tools"
        self.tools.mkdir()
        program(self.tools / "uv", UV)
        shutil.copytree(ROOT / "script", self.folder / "script")
        shutil.copytree(ROOT / "requirements", self.folder / "requirements")
        shutil.copy(ROOT / "pyproject.toml", self.folder)
        program(self.folder / "script/console", "#!/bin/sh\n")
        package = self.folder / "src/vivavoce/__init__.py"
        package.parent.mkdir(parents=True)
        package.touch()

    def setup(self) -> list[str]:
        """What `script/setup --serve` had uv do."""
        asked = self.tools / "asked"
        asked.write_text("")
        path = f"{self.tools}:{ENVIRONMENT['PATH']}"
        command = [str(self.folder / "script/setup"), "--serve"]
        done = subprocess.run(command, env={**ENVIRONMENT, "PATH": path}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split()[0] for line in asked.read_text().splitlines() if line != "--version"]


def program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def shell(line: str) -> bool:
    """Whether a line succeeds that uses functions of script/lib.sh."""
    command = ["bash", "-c", f"source {ROOT}/script/lib.sh; {line}"]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=60).returncode == 0


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


EVERYTHING = ["venv", "pip", "pip"]


def test_setup_is_done_once(clone: Clone) -> None:
    assert clone.setup() == EVERYTHING
    assert clone.setup() == []


def test_changed_requirements_are_installed_into_what_is_there(clone: Clone) -> None:
    clone.setup()
    with (clone.folder / "requirements/base.txt").open("a") as file:
        file.write("# one more\n")
    assert clone.setup() == ["pip", "pip"]


def test_a_clone_that_was_moved_is_set_up_anew(clone: Clone) -> None:
    clone.setup()
    clone.folder = clone.folder.rename(clone.folder.with_name("moved"))
    assert clone.setup() == EVERYTHING
    assert clone.setup() == []


@pytest.mark.parametrize("python", ["#!/nonexistent/python3.10\n", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n'])
def test_an_interpreter_that_went_or_finds_nothing_is_replaced(clone: Clone, python: str) -> None:
    clone.setup()
    program(clone.folder / ".venv/bin/python", python)
    assert clone.setup() == EVERYTHING


def test_two_set_ups_at_once_are_one(clone: Clone) -> None:
    environment = {**ENVIRONMENT, "PATH": f"{clone.tools}:{ENVIRONMENT['PATH']}"}
    command = [str(clone.folder / "script/setup"), "--serve"]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    assert (clone.tools / "asked").read_text().count("venv --quiet") == 1


@pytest.mark.parametrize(
    ("version", "suits"),
    [
        *(("v18.20.4", False), ("v20.18.3", False), ("v20.19.0", True), ("v20.20.2", True), ("v21.7.3", False)),
        *(("v22.0.0", False), ("v22.11.0", False), ("v22.12.0", False), ("v22.13.0", True), ("v22.20.1", True)),
        *(("v23.11.0", False), ("v24.0.0", True), ("v25.1.0", True), ("v100.0.0", True), ("", False)),
    ],
)
def test_node_is_taken_when_the_tools_of_the_console_run_on_it(version: str, suits: bool) -> None:
    assert shell(f"node_suits '{version}'") is suits


def test_the_locked_tools_ask_for_no_newer_node() -> None:
    packages = json.loads((ROOT / "console/package-lock.json").read_text())["packages"]
    asked = {packages[f"node_modules/{name}"]["engines"]["node"] for name in ("vite", "rolldown", "eslint")}
    assert asked == {"^20.19.0 || >=22.12.0", "^20.19.0 || ^22.13.0 || >=24"}, "see node_suits in script/lib.sh"
    assert packages[""]["engines"]["node"] == "^20.19 || ^22.13 || >=24"


@pytest.mark.parametrize(
    ("says", "suits"),
    [("uv 0.8.0", True), ("uv 0.13.9 (x86_64-unknown-linux-gnu)", True), ("uv 1.0.0", True), ("uv 0.7.22", False)],
)
def test_uv_is_taken_when_it_is_new_enough(tmp_path: Path, says: str, suits: bool) -> None:
    program(tmp_path / "uv", f"#!/bin/sh\necho '{says}'\n")
    assert shell(f"uv_suits {tmp_path}/uv") is suits


def test_uv_that_does_not_run_is_not_taken(tmp_path: Path) -> None:
    program(tmp_path / "uv", "#!/bin/sh\nexit 127\n")
    assert not shell(f"uv_suits {tmp_path}/uv")
    assert not shell(f"uv_suits {tmp_path}/nothing")


def test_the_lock_may_be_asked_for_again_by_who_holds_it() -> None:
    assert shell("inner() { locked true; }; locked inner")
    assert not shell("locked false")
