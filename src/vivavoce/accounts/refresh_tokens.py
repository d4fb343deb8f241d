"""The form of refresh tokens, pure: which one follows which, and which were ever issued.

A token is 86 characters of base64url: secret (32 bytes) ‖ id of the sign-in (16) ‖ tag (16). The tag proves that we
issued it, so a forged one costs no look into the database and ends nobody's sign-in, while a genuine old one does.
The successor's secret is HMAC(key, sign-in ‖ secret): whoever repeats a refresh gets the same answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

LENGTH: Final = 86
_TAG: Final = 16


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`sign_in` is the family; `hash` is what is stored."""

    sign_in: str
    secret: bytes

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(b"refresh" + bytes.fromhex(self.sign_in) + self.secret).digest()


def first(sign_in: str) -> RefreshToken:
    """The token a family begins with."""
    return RefreshToken(sign_in, secrets.token_bytes(32))


def successor(key: bytes, token: RefreshToken) -> RefreshToken:
    """The one that follows."""
    family = bytes.fromhex(token.sign_in)
    return RefreshToken(token.sign_in, hmac.digest(key, b"next" + family + token.secret, "sha256"))


def write(key: bytes, token: RefreshToken) -> str:
    body = token.secret + bytes.fromhex(token.sign_in)
    return base64.urlsafe_b64encode(body + _tag(key, body)).rstrip(b"=").decode()


def read(key: bytes, text: str) -> RefreshToken | None:
    """None when it was not issued under this key."""
    if len(text) != LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body, tag = raw[:-_TAG], raw[-_TAG:]
    if not hmac.compare_digest(tag, _tag(key, body)):
        return None
    return RefreshToken(body[32:].hex(), body[:32])


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"tag" + body, "sha256")[:_TAG]
