"""docs/configuration.md: its tables are made from the settings themselves, so that they cannot be wrong.

python -m vivavoce.app.settings.document [--check] docs/configuration.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

import msgspec

from vivavoce.app.settings.load import PREFIX
from vivavoce.app.settings.schema import Key, sections
from vivavoce.inference.secret import Secret

BEGIN = "<!-- settings: made by vivavoce.app.settings.document -->"
END = "<!-- settings: end -->"


def tables() -> str:
    """All sections as Markdown."""
    out: list[str] = []
    done: set[str] = set()
    for section in sections():
        if section.name not in done:
            done.add(section.name)
            out += [f"### `{section.name}`", ""]
            out += _choice(section.name) if section.backend else [section.text, "", *_rows(section.keys), ""]
    return "\n".join(out)


def _choice(name: str) -> list[str]:
    """A section with back-ends: which there are, then the options of each that has some."""
    forms = [section for section in sections() if section.name == name]
    out = [
        f"`{name}.backend` (`{_variable(f'{name}.backend')}`) chooses the back-end:",
        "",
        "| back-end | what it is |",
        "|---|---|",
    ]
    for form in forms:
        out.append(f"| `{form.backend}`{' (default)' if form is forms[0] else ''} | {form.text} |")
    out.append("")
    common = [key for key in forms[0].keys if all(key.path in {other.path for other in form.keys} for form in forms)]
    if common:
        out += ["Options of all of them:", "", *_rows(tuple(common)), ""]
    for form in forms:
        if own := tuple(key for key in form.keys if key.path not in {one.path for one in common}):
            out += [f"Options of `{form.backend}`:", "", *_rows(own), ""]
    return out


def _rows(keys: tuple[Key, ...]) -> list[str]:
    head = ["| key | environment | type | default | |", "|---|---|---|---|---|"]
    return head + [
        f"| `{key.path}` | `{_variable(key.path)}` | {readable(key.type)} | {_default(key)} | {key.text} |"
        for key in keys
    ]


def _variable(path: str) -> str:
    return PREFIX + path.upper().replace(".", "_")


def readable(kind: object) -> str:
    """The type as people read it, with its bounds."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return readable(arguments[0]) + _bounds(next(one for one in arguments[1:] if isinstance(one, msgspec.Meta)))
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        return "list"
    if type(None) in arguments or origin is Union:
        return readable(next(one for one in arguments if one is not type(None)))
    return {str: "text", int: "integer", float: "number", bool: "true, false", Secret: "secret"}[kind]  # type: ignore[index]


def _bounds(meta: msgspec.Meta) -> str:
    low, high = _number(meta.ge), _number(meta.le)
    parts = []
    if meta.gt is not None:
        parts.append(f"above {_number(meta.gt)}")
    if low and high:
        parts.append(f"{low}–{high}")
    elif low:
        parts.append(f"from {low}")
    elif high:
        parts.append(f"to {high}")
    return f", {', '.join(parts)}" if parts else ""


def _number(bound: float | None) -> str:
    """3 and 3.0 alike: typing takes two bounds that are equal for one, whichever came first."""
    return "" if bound is None else f"{bound:,.10g}"


def _default(key: Key) -> str:
    if key.default is None or key.default == ():
        return "–"
    if isinstance(key.default, bool):
        return str(key.default).lower()
    if isinstance(key.default, tuple):
        return ", ".join(f"`{one}`" for one in key.default)
    if isinstance(key.default, float):
        return f"{key.default:g}"
    return f"`{key.default}`" if isinstance(key.default, str) else str(key.default)


def renewed(text: str) -> str:
    """`text` with the tables of today between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """0 when the file is (or was made) current; 1 with `--check` when it is stale."""
    check = "--check" in arguments
    file = Path(next(one for one in arguments if one != "--check"))
    text = file.read_text()
    current = renewed(text)
    if check and text != current:
        sys.stderr.write(f"{file} is stale\n")
        return 1
    if not check:
        file.write_text(current)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
