"""Access tokens: JWT (RFC 7519, 9068), HS256, ten minutes. Made at sign-in and refresh, checked without the database.

Nothing in a token says how it is to be checked: the one algorithm and the table of keys are ours; a header with
`jku`, `jwk`, `x5u`, `x5c`, `crit` or anything else that we do not write is refused.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final, Protocol

import jwt

from vivavoce.accounts.keys import Key
from vivavoce.accounts.permissions import ROLES, Role
from vivavoce.errors import Unauthorised
from vivavoce.storage.clock import SECOND, Clock
from vivavoce.storage.ids import ID

ISSUER: Final = "vivavoce"
AUDIENCE: Final = "vivavoce"
TYPE: Final = "at+jwt"
LONGEST: Final = 2048
"""Characters; checked before anything is decoded."""
FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""32 bytes of signature, and one way only to write them."""
LEEWAY_S: Final = 30
AHEAD_S: Final = 60
"""A token from further in the future than this was made by a wrong clock, or by somebody else."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, believed as far as its signature goes; `expires_at` in ms."""

    user: str
    sign_in: str
    role: Role
    epoch: int
    expires_at: int


class KeyRing(Protocol):
    """What signs, and what verifies (see keys.py)."""

    async def signer(self) -> Key: ...

    async def verifier(self, kid: str) -> bytes | None: ...


class AccessTokens:
    """Issues and checks them."""

    def __init__(self, keys: KeyRing, life_s: int, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self.life_s = life_s

    async def issue(self, user: str, sign_in: str, role: Role, epoch: int) -> str:
        """A token for one sign-in. Raises StorageUnavailable when no key is at hand."""
        key = await self._keys.signer()
        moment = self._clock() // SECOND
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "sid": sign_in,
            "role": role,
            "epoch": epoch,
            "iat": moment,
            "exp": moment + self.life_s,
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, key.secret, algorithm="HS256", headers={"typ": TYPE, "kid": key.kid})

    async def check(self, token: str) -> Claims:
        """What it says. Raises Unauthorised `token_invalid` or `token_expired`, StorageUnavailable."""
        kid = _kid(token)
        secret = await self._keys.verifier(kid)
        if secret is None:
            raise _invalid()
        try:
            # Times are ours to judge, by the clock we were given.
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["iss", "aud", "sub", "sid", "role", "epoch", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _invalid() from error
        return self._judged(claims)

    def _judged(self, claims: dict[str, Any]) -> Claims:
        user, sign_in, role, epoch = (claims[name] for name in ("sub", "sid", "role", "epoch"))
        issued, expires = claims["iat"], claims["exp"]
        whole = all(type(number) is int for number in (epoch, issued, expires))
        if not (whole and role in ROLES and _is_id(user) and _is_id(sign_in)):
            raise _invalid()
        moment = self._clock() // SECOND
        if issued > moment + AHEAD_S:
            raise _invalid()
        if expires + LEEWAY_S <= moment:
            raise Unauthorised("the access token has run out", code="token_expired")
        return Claims(user, sign_in, role, epoch, (expires + LEEWAY_S) * SECOND)


def _kid(token: str) -> str:
    if len(token) > LONGEST or not FORM.fullmatch(token):
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _invalid() from error
    if set(header) != {"alg", "typ", "kid"} or header["alg"] != "HS256" or header["typ"] != TYPE:
        raise _invalid()
    kid = header["kid"]
    if not isinstance(kid, str):
        raise _invalid()
    return kid


def _is_id(value: object) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _invalid() -> Unauthorised:
    return Unauthorised("this access token is not valid", code="token_invalid")
