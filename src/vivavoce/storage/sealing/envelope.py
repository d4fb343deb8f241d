"""The envelope, as bytes: pure, without keys' whereabouts.

    row    VVE1 | KEK id 8 | nonce 12 | wrapped DEK 48 | nonce 12 | sealed text and tag
    blob   VVE1 | KEK id 8 | nonce 12 | wrapped DEK 48 | prefix 7 | chunk | chunk | …

AES-256-GCM throughout. A data key (DEK) is wrapped by a key of keys (KEK); the wrapping is bound to the scope. The
first 72 bytes, scope and place are associated data of whatever the data key seals: an envelope opens in its own place
only. A blob's chunk is 64 KiB and a tag, the last one shorter or as long; its nonce is prefix, counter (4 bytes) and
whether it is the last, so chunks can be neither reordered nor left out, nor can the end be cut off unseen.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vivavoce.errors import StorageError

MAGIC: Final = b"VVE1"
UNSEALED: Final = b"VVE0"
"""Before stored plain text that would else look like an envelope, or like this mark."""
KEK_ID: Final = 8
NONCE: Final = 12
TAG: Final = 16
DEK: Final = 32
HEAD: Final = len(MAGIC) + KEK_ID + NONCE + DEK + TAG
"""72 bytes."""
PREFIX: Final = 7
BLOB_HEAD: Final = HEAD + PREFIX
CHUNK: Final = 64 << 10
STORED_CHUNK: Final = CHUNK + TAG
MOST_CHUNKS: Final = 1 << 32


def is_sealed(stored: bytes) -> bool:
    return stored.startswith(MAGIC)


def marked(plain: bytes) -> bytes:
    """Plain text as it is stored."""
    return UNSEALED + plain if plain.startswith((MAGIC, UNSEALED)) else plain


def unmarked(stored: bytes) -> bytes:
    return stored[len(UNSEALED) :] if stored.startswith(UNSEALED) else stored


@dataclass(frozen=True, slots=True)
class Head:
    """The first 72 bytes."""

    kek: bytes
    wrapped: bytes
    """Nonce and wrapped data key."""

    def __bytes__(self) -> bytes:
        return MAGIC + self.kek + self.wrapped

    @classmethod
    def parse(cls, stored: bytes) -> Head:
        """Raises StorageError when it is too short or no envelope."""
        if len(stored) < HEAD or not is_sealed(stored):
            raise StorageError("that is no envelope")
        start = len(MAGIC)
        return cls(stored[start : start + KEK_ID], stored[start + KEK_ID : HEAD])


def wrap(kek: AESGCM, kek_id: bytes, dek: bytes, scope: str) -> Head:
    """The head of every envelope that `dek` seals."""
    nonce = secrets.token_bytes(NONCE)
    return Head(kek_id, nonce + kek.encrypt(nonce, dek, _wrapping(kek_id, scope)))


def unwrap(kek: AESGCM, head: Head, scope: str) -> bytes:
    """The data key. Raises StorageError."""
    return _opened(kek, head.wrapped[:NONCE], head.wrapped[NONCE:], _wrapping(head.kek, scope))


def seal_row(dek: AESGCM, head: Head, plain: bytes, scope: str, place: str) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return bytes(head) + nonce + dek.encrypt(nonce, plain, _bound(head, scope, place))


def open_row(dek: AESGCM, head: Head, stored: bytes, scope: str, place: str) -> bytes:
    """Raises StorageError."""
    return _opened(dek, stored[HEAD : HEAD + NONCE], stored[HEAD + NONCE :], _bound(head, scope, place))


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of one blob, each sealed and opened by itself."""

    dek: AESGCM
    head: Head
    scope: str
    prefix: bytes

    def seal(self, number: int, plain: bytes, *, last: bool) -> bytes:
        if number >= MOST_CHUNKS:
            raise StorageError("the blob is too large to be sealed")
        return self.dek.encrypt(self._nonce(number, last), plain, _bound(self.head, self.scope, ""))

    def open(self, number: int, stored: bytes, *, last: bool) -> bytes:
        """Raises StorageError."""
        return _opened(self.dek, self._nonce(number, last), stored, _bound(self.head, self.scope, ""))

    def _nonce(self, number: int, last: bool) -> bytes:
        return self.prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class Cutter:
    """Cuts a stream into pieces of one size, and knows which is the last: that one is given by `end`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray()
        self.count = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Whole pieces after which there is more."""
        self._held += data
        while len(self._held) > self._size:
            piece = bytes(self._held[: self._size])
            del self._held[: self._size]
            self.count += 1
            yield piece

    def end(self) -> bytes:
        """The last piece; empty only when nothing was fed."""
        return bytes(self._held)


def plain_size(stored: int) -> int:
    """Bytes in a sealed blob of that size. Raises StorageError for a size that no sealed blob has."""
    body = stored - BLOB_HEAD
    whole, rest = divmod(body, STORED_CHUNK)
    if body < TAG or 0 < rest < TAG:
        raise StorageError("the blob is cut short")
    return whole * CHUNK + max(0, rest - TAG)


def _wrapping(kek_id: bytes, scope: str) -> bytes:
    return MAGIC + kek_id + scope.encode()


def _bound(head: Head, scope: str, place: str) -> bytes:
    name = scope.encode()
    return bytes(head) + len(name).to_bytes(2, "big") + name + place.encode()


def _opened(key: AESGCM, nonce: bytes, stored: bytes, bound: bytes) -> bytes:
    try:
        return key.decrypt(nonce, stored, bound)
    except (InvalidTag, ValueError) as error:  # ValueError: the nonce was cut short
        raise StorageError("what is stored was changed, or belongs elsewhere") from error
