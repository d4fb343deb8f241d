"""JSON of strangers: no key twice, no depth without end, no number or text that something below would choke on.

A parser that takes the last of two equal keys lets a request mean one thing to a filter and another to us; text with
a NUL or half a surrogate pair passes here and breaks in the database.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from vivavoce.errors import BadInput

DEPTH: Final = 32
MOST: Final = (1 << 63) - 1
"""Largest whole number; a database column holds no larger one."""


def parse(body: bytes) -> Any:
    """The value. Raises BadInput(`bad_json`) that says what is wrong."""
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except UnicodeDecodeError as error:
        raise _bad("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _bad(f"{error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _bad(f"deeper than {DEPTH} levels") from error
    _walk(value)
    return value


def clean(text: str) -> None:
    """Raises BadInput for text that cannot be stored."""
    if "\0" in text:
        raise _bad("a text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _bad("a text holds half a surrogate pair") from error


def _walk(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                clean(one)
            elif isinstance(one, dict):
                for key in one:
                    clean(key)
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
        if not below:
            return
        level = below
    raise _bad(f"deeper than {DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _bad(f"the key {twice[:64]!r} stands twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise _bad(f"{name} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _bad("a number is too large")
    return number


def _int(text: str) -> int:
    number = int(text) if len(text) <= 20 else MOST + 1
    if not -MOST <= number <= MOST:
        raise _bad("a number is too large")
    return number


def _bad(why: str) -> BadInput:
    return BadInput(f"the body cannot be read: {why}", code="bad_json")
