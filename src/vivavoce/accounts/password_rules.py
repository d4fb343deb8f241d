"""What a password may be: 12 to 128 characters, any of them, and none that everybody tries first."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

from vivavoce.errors import BadInput

SHORTEST: Final = 12
LONGEST: Final = 128
OWN_WORDS: Final = ("vivavoce", "viva voce", "password", "administrator")


def check(password: str, words: Iterable[str] = ()) -> None:
    """Raises BadInput `password_weak`, which says why. `words`: the user's names, which it must not be made of."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise _weak(f"a password has {SHORTEST} to {LONGEST} characters")
    lowered = password.casefold()
    core = _once(_stem(lowered))
    known = {*OWN_WORDS, *(word.casefold() for word in words if len(word) >= 3)}
    if lowered in common() or core in common() or core in known or _monotonous(lowered):
        raise _weak("this is one of the passwords that are tried first")


@cache
def common() -> frozenset[str]:
    """The commonest passwords, case-folded; where they come from stands at the head of the file."""
    packed = files("vivavoce.accounts").joinpath("common_passwords.txt.gz").read_bytes()
    return frozenset(line for line in gzip.decompress(packed).decode().splitlines() if not line.startswith("# "))


def _stem(password: str) -> str:
    """Without digits and signs at its ends: `!password1234` is tried as soon as `password`."""
    kept = password.strip("0123456789!?.,;:-_+*#@$%&=()[]/ ")
    return kept or password


def _once(text: str) -> str:
    """The shortest piece that, repeated, makes the text."""
    return text[: (text + text).index(text, 1)]


def _monotonous(text: str) -> bool:
    """A row of the alphabet, of digits, or of two characters in turn: from one to the next it goes in two ways."""
    return len({ord(after) - ord(before) for before, after in pairwise(text)}) <= 2


def _weak(why: str) -> BadInput:
    return BadInput(why, code="password_weak")
