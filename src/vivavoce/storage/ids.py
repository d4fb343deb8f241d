"""Ids: 128 bits, written as 32 hex digits, in the order in which they were made (RFC 9562, version 7).

An index on them grows at its end, and a page of a list is «after this id».
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from vivavoce.storage.clock import Clock, wall

ID: Final = re.compile(r"[0-9a-f]{32}")

_last = 0


def new_id(clock: Clock = wall) -> str:
    """A fresh id, later than every other one of this process even when the clock goes back."""
    global _last
    stamp = clock() << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    # The same millisecond, or an earlier one: count on from the last id, within its random tail.
    _last = stamp if stamp >> 80 > _last >> 80 else _last + 1 + secrets.randbits(16)
    return f"{_last:032x}"
