"""The form of what somebody asks for, before a database is asked.

What has no such form cannot be there, and some of it (a NUL, half of a surrogate pair) a database would not even take.
"""

from __future__ import annotations

import re
from typing import Final

from vivavoce.errors import Missing
from vivavoce.storage.ids import ID

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")


def spelled(name: str) -> str:
    """A user's name as it is kept; empty when nobody can be called so."""
    lowered = name.strip().lower()
    return lowered if NAME.fullmatch(lowered) else ""


def known(identity: str, what: str) -> str:
    """An id that may be there. Raises Missing, with the words of one that is not: `there is no such {what}`."""
    if not ID.fullmatch(identity):
        raise missing(what)
    return identity


def missing(what: str) -> Missing:
    return Missing(f"there is no such {what}")
