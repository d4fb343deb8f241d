"""Writes the generated files of the working tree, or compares them: what `script/generate` runs."""

from __future__ import annotations

import sys
from pathlib import Path

from vivavoce.wire import schema


def generated(root: Path) -> dict[Path, str]:
    """What each generated file below `root` has to hold."""
    return {
        root / "console/src/generated/wire.ts": schema.typescript(),
        root / "docs/asyncapi.json": schema.asyncapi(),
    }


def stale(root: Path) -> list[Path]:
    """The files that are missing or hold something else."""
    return [
        path for path, text in generated(root).items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str], root: Path) -> int:
    """Exit status: 1 when `--check` found a stale file, 2 for an unknown argument."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: script/generate [--check]\n")
        return 2
    old = stale(root)
    if arguments:
        for path in old:
            sys.stderr.write(f"{path.relative_to(root)} is not up to date: run script/generate\n")
        return 1 if old else 0
    wanted = generated(root)
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(root)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], Path.cwd()))
