"""Access tokens: what one of ours says, and everything that is none of ours."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.house import Watch, accounts, come_in, person
from vivavoce.accounts.access import AHEAD_S, LEEWAY_S, AccessTokens
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.keys import CHECKPOINTS, REFRESH, Key
from vivavoce.errors import Unauthorised
from vivavoce.storage.clock import SECOND
from vivavoce.storage.database import Database

KID = "00112233445566ff"
SECRET = bytes(range(32))
USER, SIGN_IN = "a" * 32, "b" * 32


class Ring:
    """Keys without a database. `asked` says which a token has asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def signer(self) -> Key:
        return Key(KID, SECRET, 0, None)

    async def verifier(self, kid: str) -> bytes | None:
        self.asked.append(kid)
        return SECRET if kid == KID else None


def tokens(watch: Watch, ring: Ring | None = None) -> AccessTokens:
    return AccessTokens(ring or Ring(), 600, watch)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def made(header: dict[str, Any], claims: dict[str, Any], secret: bytes = SECRET, digest: str = "sha256") -> str:
    """A token with whatever in it, rightly signed."""
    body = f"{part(header)}.{part(claims)}"
    mac = hmac.new(secret, body.encode(), getattr(hashlib, digest)).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def header(**other: object) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "at+jwt", "kid": KID} | other


def claims(watch: Watch, **other: object) -> dict[str, Any]:
    moment = watch() // SECOND
    usual = {
        "iss": "vivavoce", "aud": "vivavoce", "sub": USER, "sid": SIGN_IN, "role": "user", "epoch": 0,
        "iat": moment, "exp": moment + 600, "jti": "c" * 32,
    }  # fmt: skip
    return {name: value for name, value in (usual | other).items() if value is not ...}


async def refused(watch: Watch, token: str, code: str = "token_invalid") -> bool:
    with pytest.raises(Unauthorised) as error:
        await tokens(watch).check(token)
    return error.value.code == code


async def test_what_was_issued_is_read_back() -> None:
    watch = Watch()
    both = tokens(watch)
    token = await both.issue(USER, SIGN_IN, "operator", 3)
    read = await both.check(token)
    assert (read.user, read.sign_in, read.role, read.epoch) == (USER, SIGN_IN, "operator", 3)
    assert jwt.get_unverified_header(token) == header()
    assert await tokens(watch).check(made(header(), claims(watch)))  # the tests' own maker makes good ones


async def test_a_token_ends_after_ten_minutes_and_the_leeway() -> None:
    watch = Watch()
    token = await tokens(watch).issue(USER, SIGN_IN, "user", 0)
    watch.on((600 + LEEWAY_S) * SECOND - 1)
    await tokens(watch).check(token)
    watch.on(1)
    assert await refused(watch, token, "token_expired")


async def test_a_token_from_the_future_is_refused() -> None:
    watch = Watch()
    moment = watch() // SECOND
    await tokens(watch).check(made(header(), claims(watch, iat=moment + AHEAD_S)))
    assert await refused(watch, made(header(), claims(watch, iat=moment + AHEAD_S + 1)))


def corpus(watch: Watch) -> Iterator[tuple[str, str]]:
    """Token tampering: what people have got past some checker with, and a few more."""
    good = made(header(), claims(watch))
    head, body, signature = good.split(".")
    yield "none", made(header(alg="none"), claims(watch)).rpartition(".")[0] + "."
    yield "none, signed all the same", made(header(alg="none"), claims(watch))
    yield "NoNe", made(header(alg="NoNe"), claims(watch))
    yield "another digest", made(header(alg="HS384"), claims(watch), digest="sha384")
    yield "a public key algorithm", made(header(alg="RS256"), claims(watch))
    yield "alg is a list", made(header(alg=["HS256"]), claims(watch))
    yield "no alg", made({"typ": "at+jwt", "kid": KID}, claims(watch))
    yield "another type", made(header(typ="JWT"), claims(watch))
    yield "no type", made({"alg": "HS256", "kid": KID}, claims(watch))
    for name, value in {
        "crit": ["exp"], "jku": "https://evil.example/k", "jwk": {"kty": "oct", "k": part(1)}, "x5u": "https://evil.example",
        "x5c": ["MIIB"], "b64": False, "zip": "DEF", "cty": "JWT", "enc": "A128GCM", "iss": "vivavoce",
    }.items():  # fmt: skip
        yield f"header with {name}", made(header(**{name: value}), claims(watch))
    for kid in ("", "0" * 16, KID.upper(), "../../dev/null", "' OR 1=1 --", "\0", KID + "\n", REFRESH, CHECKPOINTS):
        yield f"kid {kid!r}", made(header(kid=kid), claims(watch), b"" if kid == "" else SECRET)
    for kid in (None, 7, [KID], {"a": KID}):
        yield f"kid {kid!r}", made(header(kid=kid), claims(watch))
    yield "signed with an empty key", made(header(), claims(watch), b"")
    yield "signed with the kid", made(header(), claims(watch), KID.encode())
    yield "no signature", f"{head}.{body}."
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{good}.{signature}"
    yield "five parts, as encrypted ones have", f"{head}..{body}.{signature}.x"
    yield "the signature written otherwise", good[:-1] + chr(ord(good[-1]) + 1)
    yield "padded", good + "="
    yield "blanks around", f" {good} "
    yield "a line break at the end", good + "\n"
    yield "cut", good[:-1]
    yield "header cut", good[1:]
    yield "body cut", f"{head}.{body[:-1]}.{signature}"
    yield "another's body", f"{head}.{part(claims(watch, role='admin'))}.{signature}"
    yield "oversize", made(header(), claims(watch, jti="c" * 2048))
    yield "unicode", good.replace(".", "．")
    yield "letters outside of ASCII", "é" + good
    yield "half a surrogate pair", "\ud800" + good
    yield "empty", ""
    yield "dots", ".."
    yield "an API token's look", "vv_" + "a" * 49
    yield "claims are a list", made(header(), [])  # type: ignore[arg-type]
    yield "deep", f"{head}.{base64.urlsafe_b64encode(b'[' * 1000).decode().rstrip('=')}.{signature}"
    for name, values in {
        "aud": ("other", ["vivavoce"], ["vivavoce", "other"], "", None, ...),
        "iss": ("other", "", None, ["vivavoce"], ...),
        "sub": ("", "x", 7, None, "A" * 32, "a" * 31, "a" * 32 + "\n", ...),
        "sid": ("", "x", 7, None, "' OR 1=1 --", ...),
        "role": ("root", "", None, ["admin"], {"a": 1}, ...),
        "epoch": ("0", 0.0, True, None, ...),
        "iat": ("now", 1.5, True, None, ...),
        "exp": ("never", 1e300, float("inf"), True, None, ...),
        "jti": (..., None, 7),
    }.items():
        for value in values:
            yield f"{name} {value!r}", made(header(), claims(watch, **{name: value}))


async def test_token_tampering_corpus() -> None:
    watch = Watch()
    believed = []
    for name, token in corpus(watch):
        try:
            await tokens(watch).check(token)
        except Unauthorised as error:
            if error.code == "token_invalid":
                continue
        believed.append(name)
    assert believed == []


async def test_no_key_is_looked_for_on_behalf_of_a_header_that_is_not_ours() -> None:
    watch = Watch()
    ring = Ring()
    with pytest.raises(Unauthorised):
        await tokens(watch, ring).check("x" * 2049)
    with pytest.raises(Unauthorised):
        await tokens(watch, ring).check(made(header(jku="https://evil.example"), claims(watch)))
    assert ring.asked == []


@given(at=st.integers(0, 10_000), letter=st.sampled_from("AZaz09-_."))
def test_one_changed_letter_is_refused(at: int, letter: str) -> None:
    watch = Watch()
    good = made(header(), claims(watch))
    at %= len(good)
    if good[at] != letter:
        assert asyncio.run(refused(watch, good[:at] + letter + good[at + 1 :]))


@given(text=st.text(max_size=300), dots=st.integers(0, 4))
def test_no_text_breaks_the_check(text: str, dots: int) -> None:
    assert asyncio.run(refused(Watch(), ".".join([text] * (dots + 1))))


@pytest.mark.real
async def test_tokens_of_another_installation_are_refused(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    grant = await come_in(house, await person(house, "ada"))
    assert len(grant.access_token) < 2048
    await house.keys.rotate(LOCAL_OPERATOR)
    await house.authenticator.authenticate(grant.access_token)  # within the grace
    assert await refused(watch, grant.access_token)  # by keys that are not those of this database
