"""The settings as a list: every key with its type, default and text, read from the structs themselves."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args

import msgspec

from vivavoce.app.settings.values import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be set, at `path` (`turn.patience`)."""

    path: str
    type: Any
    default: object
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the settings, or one back-end's form of it: then `backend` is its name."""

    name: str
    struct: type[msgspec.Struct]
    keys: tuple[Key, ...]
    backend: str | None = None

    @property
    def text(self) -> str:
        return inspect.getdoc(self.struct) or ""


@cache
def sections() -> tuple[Section, ...]:
    """All sections in order; those of back-ends once per back-end, the default one first."""
    out: list[Section] = []
    for field in msgspec.structs.fields(Settings):
        forms = get_args(field.type) if isinstance(field.type, UnionType) else (field.type,)
        out += [_section(field.name, form) for form in forms]
    return tuple(out)


def forms(name: str) -> dict[str, Section]:
    """The back-ends of a section by name; empty for a section without back-ends."""
    return {section.backend: section for section in sections() if section.name == name and section.backend}


def paths() -> Iterator[str]:
    """Every path there is, whatever the back-end."""
    seen: dict[str, None] = {}
    for section in sections():
        if section.backend:
            seen[f"{section.name}.backend"] = None
        seen.update((key.path, None) for key in section.keys)
    yield from seen


def _section(name: str, struct: type[msgspec.Struct]) -> Section:
    texts = _texts(struct)
    keys = tuple(
        Key(f"{name}.{field.name}", field.type, field.default, texts[field.name])
        for field in msgspec.structs.fields(struct)
    )
    config = struct.__struct_config__
    return Section(name, struct, keys, str(config.tag) if config.tag_field else None)


def _texts(struct: type) -> dict[str, str]:
    """The strings under the fields of a class and of its bases."""
    out: dict[str, str] = {}
    for kind in reversed(struct.__mro__):
        if issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct:
            out |= _own_texts(kind)
    return out


@cache
def _own_texts(struct: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    assert isinstance(body, ast.ClassDef)
    out: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            out[field.target.id] = inspect.cleandoc(below.value.value)
    return out
