"""What both twins refuse alike."""

from __future__ import annotations

from collections.abc import Sequence

from vivavoce.errors import StorageError

KEY_CHARACTERS = 200
VALUE_BYTES = 1 << 20
LONGEST_S = 86_400.0
"""Values live a day at most: an invalidation is remembered for longer than any value that it forbids."""


def checked(key: str) -> str:
    """The key of a value or a counter; StorageError when it is too long or empty."""
    if not 0 < len(key) <= KEY_CHARACTERS:
        raise StorageError(f"a cache key of {len(key)} characters; 1 to {KEY_CHARACTERS} are allowed")
    return key


def fits(value: bytes) -> bool:
    return len(value) <= VALUE_BYTES


def check(key: str, value: bytes, tags: Sequence[str] = ()) -> None:
    """StorageError for a key, a tag or a value that is too long."""
    checked(key)
    for tag in tags:
        checked(tag)
    if not fits(value):
        raise StorageError(f"a cached value of {len(value)} bytes; {VALUE_BYTES} are allowed")


def life(ttl_s: float) -> float:
    """Seconds that a value really lives."""
    return min(ttl_s, LONGEST_S)
