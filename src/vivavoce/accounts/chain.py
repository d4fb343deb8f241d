"""The chain of the audit, pure: how a row is written down, hashed onto the one before, and vouched for.

h(n) = SHA-256("vva1" ‖ h(n−1) ‖ canonical JSON of row n); the first row follows 32 zero bytes. A checkpoint is
HMAC-SHA-256(key, "vva1" ‖ seq as 8 bytes ‖ h(seq)).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = b"vva1"
ORIGIN: Final = bytes(32)
COLUMNS: Final = (
    "seq", "at", "actor_id", "actor_name", "actor_role", "act", "object_kind", "object_id", "address", "outcome",
    "detail",
)  # fmt: skip


def canonical(row: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON of the columns by name, without spaces, keys sorted: the same on every database and in every year."""
    chosen = {column: row[column] for column in COLUMNS}
    return json.dumps(chosen, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def link(before: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of `row`, which follows one whose hash is `before`."""
    return hashlib.sha256(VERSION + before + canonical(row)).digest()


def voucher(key: bytes, seq: int, digest: bytes) -> bytes:
    """The checkpoint's MAC at `seq`."""
    return hmac.digest(key, VERSION + seq.to_bytes(8, "big") + digest, "sha256")
