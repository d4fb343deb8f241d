"""docs/openapi.json and the table of docs/permissions.md, made from the routes: written, or compared with `--check`.

python -m vivavoce.api.generate [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from vivavoce.accounts.permissions import ROLES, TABLE, Role
from vivavoce.accounts.principal import Principal, guest
from vivavoce.api.app import openapi
from vivavoce.api.routing import Declared
from vivavoce.api.sections import declarations, documented_app

BEGIN: Final = "<!-- permissions: made by vivavoce.api.generate -->"
END: Final = "<!-- permissions: end -->"
OPENAPI: Final = Path("docs/openapi.json")
PERMISSIONS: Final = Path("docs/permissions.md")


def document() -> str:
    """The OpenAPI document."""
    return json.dumps(openapi(documented_app()), indent=2, ensure_ascii=False) + "\n"


def table() -> str:
    """Every route with who may call it, as Markdown. No cell is empty."""
    columns = ["nobody", "guest", *ROLES]
    head = ["| route | needs | limit | " + " | ".join(columns) + " |", "|---" * (len(columns) + 3) + "|"]
    return "\n".join(head + [_row(one) for one in declarations()])


def _row(one: Declared) -> str:
    callers: list[Principal | None] = [None, guest(), *(_somebody(role) for role in ROLES)]
    cells = ["yes" if one.lets(caller) else ("sign in" if caller is None else "no") for caller in callers]
    return f"| `{one.method} {one.path}` | {one.needed()} | {one.limit} | " + " | ".join(cells) + " |"


def _somebody(role: Role) -> Principal:
    return Principal("somebody", "somebody", role, "sign-in", "session", TABLE[role])


def renewed(text: str) -> str:
    """`text` with the table of today between its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def generated(root: Path) -> dict[Path, str]:
    """What each generated file below `root` has to hold."""
    page = root / PERMISSIONS
    return {root / OPENAPI: document(), page: renewed(page.read_text(encoding="utf-8"))}


def main(arguments: list[str], root: Path) -> int:
    """Exit status: 1 when `--check` found a stale file, 2 for an unknown argument."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: script/generate [--check]\n")
        return 2
    status = 0
    for path, text in generated(root).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if arguments:
            sys.stderr.write(f"{path.relative_to(root)} is not up to date: run script/generate\n")
            status = 1
        else:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(root)}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], Path.cwd()))
